import type { RequestLimits, UncheckedRequest } from "../../../engine/request.js";
import { boolean, integer, listOf, number, object, optional, string, withDefault, type Fields } from "../../fields.js";
import { validationError } from "./errors.js";

const defaultMaxNewTokens = 100;

/** Fields of `parameters`; what is not among them is ignored, as in the original. The engine checks the values. */
const parameterFields = {
  best_of: optional(integer()),
  temperature: optional(number()),
  repetition_penalty: optional(number()),
  frequency_penalty: optional(number()),
  top_k: optional(integer()),
  top_p: optional(number()),
  typical_p: optional(number()),
  do_sample: withDefault(boolean, false),
  max_new_tokens: optional(integer()),
  return_full_text: withDefault(boolean, false),
  stop: withDefault(listOf(string), []),
  truncate: optional(integer()),
  watermark: withDefault(boolean, false),
  details: withDefault(boolean, false),
  decoder_input_details: withDefault(boolean, false),
  seed: optional(integer({ minimum: 0 })),
  top_n_tokens: optional(integer()),
  grammar: optional(object({})),
  adapter_id: optional(string),
};

export type GenerateParameters = Fields<typeof parameterFields>;

const parameters = object(parameterFields);
const body = object({
  inputs: string,
  parameters: withDefault(parameters, parameters.read({}, "parameters")),
  stream: withDefault(boolean, false),
});

export type GenerateBody = Fields<{ inputs: typeof string; parameters: typeof parameters; stream: typeof boolean }>;

/** The body of `/generate` as the OpenAPI document shows it. */
export const generateSchema = body.schema;

/** @throws {FieldError} when a field is not what it must be. */
export function readGenerateBody(json: unknown): GenerateBody {
  return body.read(json, "");
}

/** @throws {TgiError} for what cannot be served. What is out of its limits is refused later, by the engine. */
export function toEngineRequest(
  { inputs, parameters }: GenerateBody,
  isStream: boolean,
  limits: RequestLimits,
): UncheckedRequest {
  checkServed(parameters, isStream);
  checkGiven(parameters);
  return {
    prompt: inputs,
    method: isSampled(parameters) ? "sample" : "greedy",
    temperature: parameters.temperature,
    topK: parameters.top_k,
    topP: parameters.top_p,
    typicalP: parameters.typical_p,
    seed: parameters.seed === undefined ? undefined : BigInt.asUintN(64, BigInt(parameters.seed)),
    repetitionPenalty: parameters.repetition_penalty,
    frequencyPenalty: parameters.frequency_penalty,
    maxNewTokens: parameters.max_new_tokens ?? Math.min(defaultMaxNewTokens, limits.maxNewTokens),
    stopSequences: parameters.stop,
    includeStopSequence: true,
    truncatePromptTokens: parameters.truncate,
    includePromptText: parameters.return_full_text,
    details: toDetails(parameters, isStream),
  };
}

/** As in the original, a parameter that only sampling has switches it on. */
function isSampled({ do_sample, temperature = 1, top_k = 0, top_p = 1, typical_p = 1 }: GenerateParameters): boolean {
  return do_sample || temperature !== 1 || top_k !== 0 || top_p !== 1 || typical_p !== 1;
}

/** A stream is made of tokens; an answer in one piece lists them only on request. */
function toDetails(
  { details, decoder_input_details, top_n_tokens = 0 }: GenerateParameters,
  isStream: boolean,
): UncheckedRequest["details"] {
  if (!isStream && !details) return {};
  return { completionTokens: true, promptTokens: decoder_input_details, logprobs: true, topN: top_n_tokens };
}

function checkServed(parameters: GenerateParameters, isStream: boolean): void {
  const { best_of: bestOf, decoder_input_details: decoderInputDetails } = parameters;
  if (bestOf !== undefined && bestOf !== 1) {
    throw validationError(`\`best_of\` must be > 0 and <= 1. Given: ${bestOf}`);
  }
  if (isStream && decoderInputDetails) {
    throw validationError("`decoder_input_details` == true is not supported when streaming tokens");
  }
  if (parameters.watermark) throw validationError("`watermark` == true is not supported");
  if (parameters.grammar !== undefined) throw validationError("`grammar` is not supported");
  if (parameters.adapter_id !== undefined) {
    throw validationError(`\`adapter_id\` is not supported. Given: ${parameters.adapter_id}`);
  }
}

const positive = ["temperature", "repetition_penalty", "top_k", "max_new_tokens", "truncate"] as const;
const shares = ["top_p", "typical_p"] as const;

/** The engine takes 0, and a negative typical-p, for "not given"; here they are values like others. */
function checkGiven(parameters: GenerateParameters): void {
  for (const name of positive) {
    const value = parameters[name];
    if (value === undefined || value > 0) continue;
    throw validationError(`\`${name}\` must be strictly positive. Given: ${value}`);
  }
  for (const name of shares) {
    const value = parameters[name];
    if (value === undefined || (value > 0 && value <= 1)) continue;
    throw validationError(`\`${name}\` must be > 0.0 and <= 1.0. Given: ${value}`);
  }
}
