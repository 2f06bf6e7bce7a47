import type { RequestLimits, StopReason, UncheckedRequest } from "../../engine/request.js";
import {
  anyOf,
  boolean,
  integer,
  listOf,
  mapped,
  number,
  object,
  optional,
  string,
  withDefault,
  type Fields,
} from "../fields.js";

const defaultMaxTokens = 20;

/** What may be said of a generation; further keys are ignored, as the protocol has it. */
const fields = {
  /** 0 is greedy. */
  temperature: withDefault(number({ minimum: 0 }), 1),
  top_p: optional(number({ exclusiveMinimum: 0, maximum: 1 })),
  top_k: optional(integer({ minimum: 1 })),
  typical_p: optional(number({ exclusiveMinimum: 0, maximum: 1 })),
  max_tokens: optional(integer({ minimum: 1 })),
  min_tokens: optional(integer({ minimum: 0 })),
  stop: optional(
    anyOf<readonly string[]>(
      "a string or an array of strings",
      mapped(string, (text) => [text]),
      listOf(string),
    ),
  ),
  seed: optional(integer({ minimum: 0 })),
  repetition_penalty: optional(number({ exclusiveMinimum: 0 })),
  frequency_penalty: optional(number()),
  presence_penalty: optional(number()),
  include_stop_sequence: optional(boolean),
  details: withDefault(boolean, false),
};

export type Parameters = Fields<typeof fields>;

const parameterFields = object(fields);

/** The parameters of `infer` and of the generate extension alike. */
export const parameters = withDefault(parameterFields, parameterFields.read({}, "parameters"));

export function toEngineRequest(prompt: string, given: Parameters, limits: RequestLimits): UncheckedRequest {
  return {
    prompt,
    method: given.temperature === 0 ? "greedy" : "sample",
    temperature: given.temperature,
    topP: given.top_p,
    topK: given.top_k,
    typicalP: given.typical_p,
    seed: given.seed === undefined ? undefined : BigInt.asUintN(64, BigInt(given.seed)),
    maxNewTokens: given.max_tokens ?? Math.min(defaultMaxTokens, limits.maxNewTokens),
    minNewTokens: given.min_tokens,
    stopSequences: given.stop,
    includeStopSequence: given.include_stop_sequence,
    repetitionPenalty: given.repetition_penalty,
    frequencyPenalty: given.frequency_penalty,
    presencePenalty: given.presence_penalty,
    details: given.details ? { completionTokens: true, logprobs: true } : {},
  };
}

export type FinishReason = "length" | "eos_token" | "stop_sequence";

export const finishReasons = {
  eos: "eos_token",
  "stop-sequence": "stop_sequence",
  "max-tokens": "length",
  "token-limit": "length",
  "time-limit": "length",
  cancelled: "length",
  error: "length",
} as const satisfies Record<StopReason, FinishReason>;
