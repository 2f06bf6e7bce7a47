import type { UncheckedRequest } from "../../engine/request.js";
import { checkParameters } from "./checks.js";
import { toMilliseconds, toUint32, toUint64 } from "./numbers.js";
import { defaultMaxNewTokens, type CaikitParameters } from "./parameters.js";

/**
 * Checks the parameters as Caikit does and hands them on as it hands them to its backend: numbers become unsigned
 * 32-bit integers and single-precision floats. The backend's own checks come later, in the engine.
 * @throws {ParameterError} with the contract's text for the first check that fails.
 */
export function toEngineRequest(prompt: string, parameters: CaikitParameters): UncheckedRequest {
  checkParameters(parameters);
  // The order of the conversions is contract: the first number that does not fit is the one that is reported.
  const topK = toUint32(parameters.topK ?? 0n);
  const seed = parameters.seed === undefined ? undefined : toUint64(parameters.seed);
  const timeLimit = toMilliseconds(parameters.maxTime ?? 0);
  const maxNewTokens = toUint32(parameters.maxNewTokens ?? defaultMaxNewTokens);
  const minNewTokens = toUint32(parameters.minNewTokens ?? 0n);
  const timeLimitMs = toUint32(timeLimit);
  const lengthPenalty = toLengthPenalty(parameters.exponentialDecayLengthPenalty);
  const truncatePromptTokens = toUint32(parameters.truncateInputTokens ?? 0n);
  return {
    prompt,
    method: parameters.decodingMethod === "SAMPLING" ? "sample" : "greedy",
    temperature: Math.fround(parameters.temperature ?? 0),
    topK,
    topP: Math.fround(parameters.topP ?? 0),
    typicalP: Math.fround(parameters.typicalP ?? 0),
    seed,
    repetitionPenalty: Math.fround(parameters.repetitionPenalty ?? 0),
    lengthPenalty,
    maxNewTokens,
    minNewTokens,
    stopSequences: parameters.stopSequences,
    includeStopSequence: parameters.includeStopSequence,
    timeLimitMs,
    truncatePromptTokens,
    includePromptText: parameters.preserveInputText,
    details: toDetails(parameters),
  };
}

function toLengthPenalty(
  penalty: CaikitParameters["exponentialDecayLengthPenalty"],
): UncheckedRequest["lengthPenalty"] {
  if (penalty === undefined) return undefined;
  return { startIndex: toUint32(penalty.startIndex), decayFactor: Math.fround(penalty.decayFactor ?? 0) };
}

/** Alternatives to a token (top n) cannot be asked for through Caikit. */
function toDetails(parameters: CaikitParameters): UncheckedRequest["details"] {
  return {
    promptTokens: parameters.inputTokens ?? false,
    completionTokens: parameters.generatedTokens ?? false,
    logprobs: parameters.tokenLogprobs ?? false,
    ranks: parameters.tokenRanks ?? false,
  };
}
