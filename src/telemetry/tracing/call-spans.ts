import {
  SpanKind,
  SpanStatusCode,
  trace,
  ROOT_CONTEXT,
  type Context,
  type Span,
  type Tracer,
} from "@opentelemetry/api";
import type { CallEndEvent, CallEvent } from "../call-events.js";
import type { EventCaller } from "../engine-events.js";
import { attributesOfCall, attributesOfCallEnd, isServerError, isProbe, nameOfCall } from "./call-attributes.js";
import { remoteContext } from "./trace-context.js";

/** One server span for each API call, below the span that its client sent. Health checks have none. */
export class CallSpans {
  readonly #spans = new WeakMap<object, Span>();

  /** @param nowMs milliseconds since the epoch. */
  constructor(
    private readonly tracer: Tracer,
    private readonly nowMs: () => number,
  ) {}

  start(call: CallEvent): void {
    if (isProbe(call)) return;
    const options = { kind: SpanKind.SERVER, startTime: this.nowMs(), attributes: attributesOfCall(call) };
    const parent = remoteContext(call.traceparent, call.tracestate);
    this.#spans.set(call, this.tracer.startSpan(nameOfCall(call), options, parent));
  }

  end(call: CallEvent, end: CallEndEvent): void {
    const span = this.#spans.get(call);
    if (span === undefined) return;
    span.setAttributes(attributesOfCallEnd(call, end));
    if (isServerError(call, end)) span.setStatus({ code: SpanStatusCode.ERROR });
    span.end(this.nowMs());
  }

  /** Where the spans of a caller's sequences belong: below its call, or the span of its client when that is not known. */
  parentOf({ call, traceparent }: EventCaller): Context {
    const span = call === undefined ? undefined : this.#spans.get(call);
    return span === undefined ? remoteContext(traceparent, undefined) : trace.setSpan(ROOT_CONTEXT, span);
  }
}
