/**
 * What is said of a sequence, by OpenTelemetry's semantic conventions for generative AI
 * (https://github.com/open-telemetry/semantic-conventions-genai). Never text of the client's: no prompt, no answer, no
 * stop sequence.
 */
import type { Attributes } from "@opentelemetry/api";
import type { EndEvent, EndReason, EventCaller, EventRequest } from "../engine-events.js";
import { shortened } from "./call-attributes.js";

/** In OpenAI's words, which the conventions' examples have; `ortler.stop_reason` says it exactly. */
const finishReasons = {
  eos: "stop",
  "stop-sequence": "stop",
  "max-tokens": "length",
  "token-limit": "length",
  "time-limit": "time_limit",
  cancelled: "cancelled",
  error: "error",
} as const satisfies Record<EndReason, string>;

/** @param modelId the served model's name. */
export function attributesOfSequence(end: EndEvent, modelId: string): Attributes {
  const { caller, request, completionTokens, reusedTokens, reason } = end;
  return {
    "gen_ai.operation.name": "text_completion",
    "gen_ai.provider.name": "ortler",
    "gen_ai.request.model": askedModelOf(caller) ?? modelId,
    "gen_ai.response.model": modelId,
    "gen_ai.request.stream": caller.kind === "stream",
    ...parametersOf(request),
    "gen_ai.usage.input_tokens": request.promptTokenIds.length,
    "gen_ai.usage.cache_read.input_tokens": reusedTokens,
    "gen_ai.usage.output_tokens": completionTokens,
    "gen_ai.response.finish_reasons": [finishReasons[reason]],
    "ortler.stop_reason": reason,
    ...placeOf(caller),
  };
}

/** The kind of our own errors, the name of others. */
export function errorTypeOf(error: unknown): string {
  if (!(error instanceof Error)) return "_OTHER";
  return "kind" in error ? String(error.kind) : error.name;
}

/** Parameters that do something. */
function parametersOf({ sampling, maxNewTokens, frequencyPenalty, presencePenalty }: EventRequest): Attributes {
  return {
    "gen_ai.request.max_tokens": maxNewTokens,
    ...(sampling !== undefined && samplingOf(sampling)),
    ...(frequencyPenalty !== 0 && { "gen_ai.request.frequency_penalty": frequencyPenalty }),
    ...(presencePenalty !== 0 && { "gen_ai.request.presence_penalty": presencePenalty }),
  };
}

function samplingOf({ temperature, topK, topP, seed }: NonNullable<EventRequest["sampling"]>): Attributes {
  const number = Number(seed);
  return {
    "gen_ai.request.temperature": temperature,
    ...(topK !== 0 && { "gen_ai.request.top_k": topK }),
    ...(topP !== 1 && { "gen_ai.request.top_p": topP }),
    ...(Number.isSafeInteger(number) && { "gen_ai.request.seed": number }), // a larger one would be told rounded
  };
}

function placeOf({ correlationId, batch }: EventCaller): Attributes {
  return {
    ...(correlationId !== undefined && { "ortler.correlation_id": shortened(correlationId) }),
    ...(batch !== undefined && { "ortler.batch.index": batch.index, "ortler.batch.size": batch.size }),
  };
}

function askedModelOf({ call }: EventCaller): string | undefined {
  const id = call !== undefined && "modelId" in call ? call.modelId : undefined;
  return typeof id === "string" ? shortened(id) : undefined;
}
