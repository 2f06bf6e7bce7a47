import type { CallEndEvent, CallEvent } from "../../../src/telemetry/call-events.js";
import type { EndEvent } from "../../../src/telemetry/engine-events.js";
import type { TracingSettings } from "../../../src/telemetry/tracing/options.js";
import { startTracing, type Tracing } from "../../../src/telemetry/tracing/start.js";
import type { ReceivedSpan } from "./otlp.js";

/** The trace context of a client that is traced, and of one that is not. */
export const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
export const clientSpanId = "00f067aa0ba902b7";
export const sampled = `00-${traceId}-${clientSpanId}-01`;
export const unsampled = `00-${traceId}-${clientSpanId}-00`;

export interface Traced extends Tracing {
  readonly clock: { ms: number };
  /** `message fields` */
  readonly warnings: string[];
}

/** One call with one sequence. */
export function traceCall({ apiObserver, engineObserver, clock }: Traced): void {
  apiObserver.callStarted(grpcCall);
  clock.ms += sequence.totalMs;
  engineObserver.finished({ ...sequence, caller: { call: grpcCall } });
  clock.ms += 1;
  apiObserver.callEnded(grpcCall, ok);
}

/** What `traceCall` makes. */
export const callTree = [
  "fmaas.GenerationService/Generate below the client",
  "text_completion micro-gpt2 below fmaas.GenerationService/Generate",
  "queue below text_completion micro-gpt2",
  "prefill below text_completion micro-gpt2",
  "decode below text_completion micro-gpt2",
];

/** Tracing to wherever `settings` and the environment of the process say, on a clock that the test turns. */
export async function startTraced(
  settings: Partial<TracingSettings> = {},
  { isRealTime = false, start = startTracing } = {},
): Promise<Traced> {
  const clock = { ms: 1_700_000_000_000 };
  const warnings: string[] = [];
  const tracing = await start({
    settings: { otlpEndpoint: "", otlpServiceName: "", ...settings },
    version: "1.2.3",
    modelId: "micro-gpt2",
    log: {
      info: () => undefined,
      warn: (message, fields = {}) => void warnings.push(`${message} ${JSON.stringify(fields)}`),
    },
    ...(!isRealTime && { nowMs: () => clock.ms }),
  });
  if (tracing === undefined) throw new Error("no traces are wanted");
  return { ...tracing, clock, warnings };
}

export const grpcCall: CallEvent = {
  protocol: "grpc",
  service: "fmaas.GenerationService",
  method: "Generate",
  type: "UNARY",
  requestName: "BatchedGenerationRequest",
  modelId: undefined,
  traceparent: sampled,
};

export const httpCall: CallEvent = {
  protocol: "http",
  service: "",
  method: "",
  type: "UNARY",
  requestName: "",
  modelId: undefined,
  http: { method: "POST", route: "/v1/completions", path: "/v1/completions", scheme: "http" },
};

export const ok: CallEndEvent = { code: "OK", receivedMessages: 1, sentMessages: 1, durationMs: 1 };

/** A sequence of 5 prompt tokens: 2 ms of checks, 10 in the queue, 35 to the first of 3 tokens, 20 for the others. */
export const sequence: EndEvent = {
  caller: { kind: "single" },
  request: {
    promptTokenIds: [1, 2, 3, 4, 5],
    sampling: undefined,
    repetitionPenalty: 1,
    lengthPenalty: undefined,
    frequencyPenalty: 0,
    presencePenalty: 0,
    logitBias: undefined,
    maxNewTokens: 20,
    minNewTokens: 0,
    stopSequences: ["secret"],
    timeLimitMs: undefined,
  },
  completionTokens: 3,
  reason: "stop-sequence",
  validationMs: 2,
  queueMs: 10,
  prefillMs: 35,
  reusedTokens: 1,
  inferenceMs: 55,
  totalMs: 67,
  inFlight: 0,
};

/** `name below parent`, in the order of their start, the longer before the shorter; a parent that was not received is the client's or none. */
export function treeOf(spans: readonly ReceivedSpan[]): string[] {
  const names = new Map(spans.map(({ spanId, name }) => [spanId, name]));
  const parentOf = ({ parentSpanId }: ReceivedSpan): string =>
    names.get(parentSpanId) ?? (parentSpanId === clientSpanId ? "the client" : parentSpanId || "nothing");
  const inOrder = [...spans].sort((a, b) => a.startMs - b.startMs || b.endMs - a.endMs);
  return inOrder.map((span) => `${span.name} below ${parentOf(span)}`);
}
