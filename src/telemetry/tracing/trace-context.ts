/** W3C Trace Context, level 1: https://www.w3.org/TR/trace-context/ */
import {
  createTraceState,
  isSpanContextValid,
  ROOT_CONTEXT,
  trace,
  type Context,
  type SpanContext,
} from "@opentelemetry/api";

/** Version, trace id, parent id, flags; what a later version than 00 has behind them is passed over. */
const pattern = /^(?!ff)([\da-f]{2})-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})(-.*)?$/;

/** The caller's span as a parent; the root when the caller sent none that is valid. */
export function remoteContext(traceparent: string | undefined, tracestate: string | undefined): Context {
  const parent = parseTraceParent(traceparent?.trim() ?? "");
  if (parent === undefined) return ROOT_CONTEXT;
  const state = tracestate === undefined ? {} : { traceState: createTraceState(tracestate) };
  return trace.setSpanContext(ROOT_CONTEXT, { ...parent, ...state });
}

function parseTraceParent(text: string): SpanContext | undefined {
  const [, version, traceId = "", spanId = "", flags = "", rest] = pattern.exec(text) ?? [];
  if (version === "00" && rest !== undefined) return undefined;
  const context = { traceId, spanId, traceFlags: Number.parseInt(flags, 16) & sampled, isRemote: true };
  return isSpanContextValid(context) ? context : undefined;
}

/** The only flag that says something to us. */
const sampled = 1;
