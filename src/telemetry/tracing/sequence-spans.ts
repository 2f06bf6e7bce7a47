import { SpanKind, SpanStatusCode, trace, type Context, type Tracer } from "@opentelemetry/api";
import type { EndEvent, EventCaller } from "../engine-events.js";
import { attributesOfSequence, errorTypeOf } from "./sequence-attributes.js";

export interface SequenceSpansOptions {
  readonly modelId: string;
  /** Milliseconds since the epoch. */
  readonly nowMs: () => number;
  readonly parentOf: (caller: EventCaller) => Context;
}

/** Part of a sequence's life: [startMs, endMs) since the epoch. */
interface Phase {
  readonly name: "queue" | "prefill" | "decode";
  readonly startMs: number;
  readonly endMs: number;
}

/**
 * One span for each sequence, with one below it for each phase. All are made when the sequence has ended, from what the
 * engine tells then: nothing is done for a token.
 */
export class SequenceSpans {
  constructor(
    private readonly tracer: Tracer,
    private readonly options: SequenceSpansOptions,
  ) {}

  add(end: EndEvent): void {
    const { modelId, parentOf, nowMs } = this.options;
    const endMs = nowMs();
    const parent = parentOf(end.caller);
    const started = { kind: SpanKind.INTERNAL, startTime: endMs - end.totalMs }; // the model runs in this process
    const span = this.tracer.startSpan(`text_completion ${modelId}`, started, parent);
    if (!span.isRecording()) return;
    span.setAttributes(attributesOfSequence(end, modelId));
    if (end.reason === "error") {
      span.setStatus({ code: SpanStatusCode.ERROR });
      span.setAttribute("error.type", errorTypeOf(end.error));
    }
    const within = trace.setSpan(parent, span);
    for (const phase of phasesOf(end, endMs)) {
      this.tracer.startSpan(phase.name, { startTime: phase.startMs }, within).end(phase.endMs);
    }
    span.end(endMs);
  }
}

/** Those that the sequence went through. */
function phasesOf(
  { totalMs, validationMs, queueMs, prefillMs, inferenceMs, completionTokens }: EndEvent,
  endMs: number,
) {
  const queuedMs = endMs - totalMs + validationMs;
  const startedMs = queuedMs + queueMs;
  const phases: Phase[] = [{ name: "queue", startMs: queuedMs, endMs: startedMs }];
  if (inferenceMs === undefined) return phases;
  const prefilledMs = prefillMs === undefined ? endMs : startedMs + prefillMs;
  phases.push({ name: "prefill", startMs: startedMs, endMs: prefilledMs });
  if (completionTokens > 1) phases.push({ name: "decode", startMs: prefilledMs, endMs });
  return phases;
}
