/**
 * What metrics and the request log read of the engine's events; `src/engine/observer.ts` has what they mean. A leaf
 * imports nothing of ours, so the shapes stand here again, and the compiler compares them where the two meet.
 */
export type CallKind = "single" | "batch" | "stream";
export type EndReason = "eos" | "max-tokens" | "token-limit" | "stop-sequence" | "time-limit" | "cancelled" | "error";
export type RunMethod = "prefill" | "decode";

export interface EventCaller {
  readonly requestId?: string | undefined;
  readonly correlationId?: string | undefined;
  readonly traceparent?: string | undefined;
  readonly kind?: CallKind | undefined;
  readonly batch?: { readonly index: number; readonly size: number } | undefined;
  readonly call?: object | undefined;
}

/** What of a request may stand in a log: no text of the client's. */
export interface EventRequest {
  readonly promptTokenIds: readonly number[];
  readonly sampling:
    | {
        readonly temperature: number;
        readonly topK: number;
        readonly topP: number;
        readonly typicalP: number;
        readonly seed: bigint;
      }
    | undefined;
  readonly repetitionPenalty: number;
  readonly lengthPenalty: { readonly startIndex: number; readonly decayFactor: number } | undefined;
  readonly frequencyPenalty: number;
  readonly presencePenalty: number;
  readonly logitBias: ReadonlyMap<number, number> | undefined;
  readonly maxNewTokens: number;
  readonly minNewTokens: number;
  readonly stopSequences: readonly string[];
  readonly timeLimitMs: number | undefined;
}

export interface RefusalEvent {
  readonly caller: EventCaller;
  readonly error: unknown;
}

export interface AdmissionEvent {
  readonly caller: EventCaller;
  readonly promptTokens: number;
  readonly askedMaxNewTokens: number;
  readonly validationMs: number;
}

export interface LaunchEvent {
  readonly method: RunMethod;
  readonly sequences: number;
  readonly tokens: number;
  readonly contextTokens: number;
  readonly remainingTokens: number;
}

export interface RunEvent {
  readonly method: RunMethod;
  readonly tokens: number;
  readonly computeMs: number;
  readonly evaluateMs: number;
}

export interface EndEvent {
  readonly caller: EventCaller;
  readonly request: EventRequest;
  readonly completionTokens: number;
  readonly reusedTokens: number;
  readonly reason: EndReason;
  readonly error?: unknown;
  readonly validationMs: number;
  readonly queueMs: number;
  readonly inferenceMs: number | undefined;
  readonly prefillMs: number | undefined;
  readonly totalMs: number;
  readonly inFlight: number;
}
