import type { EndEvent, EndReason, EventCaller, EventRequest, RefusalEvent } from "./engine-events.js";
import type { LogFields, Logger } from "./log.js";

/** As TGIS's log says them. */
const reasons = {
  eos: "EosToken",
  "max-tokens": "MaxTokens",
  "token-limit": "TokenLimit",
  "stop-sequence": "StopSequence",
  "time-limit": "TimeLimit",
  cancelled: "Cancelled",
  error: "Error",
} as const satisfies Record<EndReason, string>;

type Level = "info" | "warn" | "error";
const levels: Partial<Record<EndReason, Level>> = { "token-limit": "warn", cancelled: "warn", error: "error" };

/**
 * Writes one line for each request, whatever ended it, with TGIS's words and level and its fields' names (times are
 * numbers of milliseconds). No line has text of a prompt, of an answer or of a stop sequence.
 */
export function requestLog(log: Pick<Logger, Level>) {
  return {
    refused: ({ caller, error }: RefusalEvent) =>
      log.info(`${subjectOf(caller)} refused: ${messageOf(error)}`, idsOf(caller)),
    finished: (end: EndEvent) => log[levels[end.reason] ?? "info"](messageOfEnd(end), fieldsOfEnd(end)),
  };
}

function messageOfEnd({ caller, completionTokens, reason }: EndEvent): string {
  if (reason === "cancelled") {
    const what = caller.kind === "stream" ? "streaming request" : "request";
    return `Aborted ${what} cancelled by client after generating ${completionTokens} token(s)`;
  }
  const verb = reason === "error" ? "failed after" : "generated";
  const end = reason === "error" ? "" : ` before ${reasons[reason]}`;
  return `${subjectOf(caller)} ${verb} ${completionTokens} tokens${end}`;
}

function subjectOf({ kind, batch }: EventCaller): string {
  if (kind === "stream") return "Streaming response";
  return batch === undefined ? "Request" : `Sub-request ${batch.index} from batch of ${batch.size}`;
}

function fieldsOfEnd(end: EndEvent): LogFields {
  const { caller, request, completionTokens, reason, inferenceMs } = end;
  const isTimed = inferenceMs !== undefined && completionTokens > 0;
  return {
    ...idsOf(caller),
    input_tokens: request.promptTokenIds.length,
    reused_tokens: unless(0, end.reusedTokens),
    generated_tokens: completionTokens,
    stop_reason: reasons[reason],
    validation_time_ms: rounded(end.validationMs),
    queue_time_ms: rounded(end.queueMs),
    inference_time_ms: rounded(inferenceMs ?? 0),
    time_per_token_ms: isTimed ? rounded(inferenceMs / completionTokens) : undefined,
    total_time_ms: rounded(end.totalMs),
    params: parametersOf(request),
    error: end.error,
  };
}

function idsOf({ requestId, correlationId, traceparent, kind = "single" }: EventCaller): LogFields {
  return { request_id: requestId, correlation_id: correlationId, traceparent, kind };
}

/** What does something. Of stop sequences only the number: they are text of the client's. */
function parametersOf(request: EventRequest): LogFields {
  const { sampling, lengthPenalty, stopSequences, logitBias, timeLimitMs } = request;
  return {
    method: sampling === undefined ? "greedy" : "sample",
    temperature: sampling?.temperature,
    top_k: sampling?.topK,
    top_p: sampling?.topP,
    typical_p: sampling?.typicalP,
    seed: sampling?.seed,
    max_new_tokens: request.maxNewTokens,
    min_new_tokens: unless(0, request.minNewTokens),
    repetition_penalty: unless(1, request.repetitionPenalty),
    length_penalty: lengthPenalty,
    frequency_penalty: unless(0, request.frequencyPenalty),
    presence_penalty: unless(0, request.presencePenalty),
    biased_tokens: logitBias?.size,
    stop_sequences: unless(0, stopSequences.length),
    time_limit_ms: timeLimitMs,
  };
}

/** The value where it does something. */
function unless(neutral: number, value: number): number | undefined {
  return value === neutral ? undefined : value;
}

/** To the microsecond. */
function rounded(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
