/**
 * From what a client asks to a request that the engine can work on: defaults filled in, rules checked in the order
 * of TGIS, the first broken one wins. In two halves, because the rules on parameters cost nothing and are checked
 * before the prompt is tokenized, and those on length need its tokens.
 */
import type {
  GenerationRequest,
  LengthPenalty,
  RequestLimits,
  SamplingParameters,
  UncheckedRequest,
} from "./request.js";
import { InvalidRequestError, type Violation } from "./violations.js";

const defaultMaxNewTokens = 20;
const minimumTemperature = 0.05;
const topKLimit = 2 ** 31;
const maxStopSequences = 6;
const maxStopSequenceBytes = 240;
/** TGIS has no limit; each prompt token could list four times as many. */
const maxTopN = 10;
const maxTokenPenalty = 2;
const maxLogitBias = 100;

/** A request of which everything is checked but the length of its prompt. */
export interface CheckedParameters extends Omit<GenerationRequest, "promptTokenIds" | "isTokenLimited"> {
  /** 0 = keep all. */
  readonly truncatePromptTokens: number;
}

/**
 * The rules that need no tokens.
 * @throws {InvalidRequestError}
 */
export function checkParameters(
  asked: UncheckedRequest,
  limits: RequestLimits,
  drawSeed: () => bigint,
): CheckedParameters {
  // In the order of TGIS: which rule is named when several are broken is part of the contract.
  const sampling = asked.method === "sample" ? checkSampling(asked, limits, drawSeed) : undefined;
  const maxNewTokens = given(asked.maxNewTokens) ?? defaultMaxNewTokens;
  const minNewTokens = asked.minNewTokens ?? 0;
  checkNewTokens(minNewTokens, maxNewTokens, limits);
  const repetitionPenalty = checkRepetitionPenalty(given(asked.repetitionPenalty) ?? 1);
  checkLengthPenalty(asked.lengthPenalty);
  const stopSequences = asked.stopSequences ?? [];
  if (stopSequences.length > maxStopSequences) refuseStopSequences(stopSequences.length);
  const details = checkDetails(asked);
  checkStopSequenceLengths(stopSequences);
  const tokenPenalties = checkTokenPenalties(asked, limits);
  checkPromptTokenIds(asked.promptTokenIds, limits);
  if (asked.promptTokenIds === undefined) checkPromptCharacters(asked.prompt, limits);
  return {
    promptText: asked.prompt,
    sampling,
    repetitionPenalty,
    lengthPenalty: asked.lengthPenalty,
    ...tokenPenalties,
    maxNewTokens,
    minNewTokens,
    stopSequences,
    includeStopSequence: asked.includeStopSequence ?? limits.includeStopSequenceByDefault,
    timeLimitMs: given(asked.timeLimitMs),
    includePromptText: asked.includePromptText ?? false,
    details,
    truncatePromptTokens: asked.truncatePromptTokens ?? 0,
  };
}

/**
 * The rule for every text that is to be tokenized; its length in tokens is known only when the time is spent.
 * @throws {InvalidRequestError}
 */
export function checkPromptCharacters(
  { length }: string,
  { maxPromptCharacters: limit = Infinity }: RequestLimits,
): void {
  if (length <= limit) return;
  refuse(
    { rule: "prompt-characters", characters: length, limit },
    `the prompt must have at most ${limit} characters (--max-prompt-characters), got ${length}`,
  );
}

/**
 * The rules on length, after the prompt is cut to what was asked; then `maxNewTokens` is lowered to what fits.
 * @param promptTokenIds the whole prompt, not truncated, special tokens included.
 * @throws {InvalidRequestError}
 */
export function completeRequest(
  { truncatePromptTokens, ...parameters }: CheckedParameters,
  promptTokenIds: readonly number[],
  beginOfTextId: number | undefined,
  { maxSequenceLength }: RequestLimits,
): GenerationRequest {
  const kept = keepLast(promptTokenIds, truncatePromptTokens, beginOfTextId);
  checkLength(kept.length, parameters.minNewTokens, maxSequenceLength);
  const room = maxSequenceLength - kept.length;
  return {
    ...parameters,
    promptTokenIds: kept,
    maxNewTokens: Math.min(parameters.maxNewTokens, room),
    isTokenLimited: parameters.maxNewTokens > room,
  };
}

/** Proto3 cannot tell 0 from absent, so neither does the contract. */
const given = (value: number | undefined): number | undefined => (value === 0 ? undefined : value);

// Each comparison below is written so that NaN breaks the rule.

function checkSampling(asked: UncheckedRequest, limits: RequestLimits, drawSeed: () => bigint): SamplingParameters {
  const temperature = given(asked.temperature) ?? 1;
  if (!(temperature >= minimumTemperature)) {
    refuse(
      { rule: "temperature", value: temperature, minimum: minimumTemperature },
      `temperature must be at least ${minimumTemperature}, got ${temperature}`,
    );
  }
  const topP = given(asked.topP) ?? 1;
  if (!(topP > 0 && topP <= 1)) refuse({ rule: "top-p", value: topP }, `top-p must be in (0, 1], got ${topP}`);
  const typicalP = given(asked.typicalP) ?? 1;
  if (!(typicalP <= 1)) refuse({ rule: "typical-p", value: typicalP }, `typical-p must be at most 1, got ${typicalP}`);
  const topK = asked.topK ?? 0;
  if (!(Number.isInteger(topK) && topK >= 0 && topK < topKLimit)) {
    refuse({ rule: "top-k", value: topK }, `top-k must be an integer in [0, ${topKLimit}), got ${topK}`);
  }
  return {
    temperature,
    topK: Math.min(topK, limits.vocabularySize),
    topP,
    typicalP: typicalP < 0 ? 1 : typicalP, // negative is off, as in TGIS
    seed: asked.seed ?? drawSeed(),
  };
}

function checkNewTokens(minNewTokens: number, maxNewTokens: number, limits: RequestLimits): void {
  if (!(maxNewTokens > 0 && maxNewTokens <= limits.maxNewTokens)) {
    refuse(
      { rule: "max-new-tokens", value: maxNewTokens, limit: limits.maxNewTokens },
      `the maximum of new tokens must be in [1, ${limits.maxNewTokens}], got ${maxNewTokens}`,
    );
  }
  if (!(minNewTokens <= maxNewTokens)) {
    refuse(
      { rule: "min-new-tokens", value: minNewTokens, maxNewTokens },
      `the minimum of new tokens must be at most their maximum of ${maxNewTokens}, got ${minNewTokens}`,
    );
  }
}

function checkRepetitionPenalty(penalty: number): number {
  // In float32, in which logits are divided by it.
  if (!(Math.fround(penalty) > 0)) {
    refuse({ rule: "repetition-penalty", value: penalty }, `the repetition penalty must be above 0, got ${penalty}`);
  }
  return penalty;
}

function checkLengthPenalty(penalty: LengthPenalty | undefined): void {
  if (penalty === undefined || (penalty.decayFactor >= 1 && penalty.decayFactor <= 10)) return;
  const value = penalty.decayFactor;
  refuse({ rule: "length-penalty", value }, `the decay factor of the length penalty must be in [1, 10], got ${value}`);
}

function checkDetails({ details }: UncheckedRequest): GenerationRequest["details"] {
  const { promptTokens = false, completionTokens = false, logprobs = false, ranks = false, topN = 0 } = details ?? {};
  if (!(Number.isInteger(topN) && topN >= 0 && topN <= maxTopN)) {
    refuse(
      { rule: "top-n-tokens", value: topN, limit: maxTopN },
      `the number of top tokens must be an integer in [0, ${maxTopN}], got ${topN}`,
    );
  }
  if ((logprobs || ranks || topN > 0) && !(promptTokens || completionTokens)) {
    refuse({ rule: "token-details" }, "details of tokens need prompt or completion tokens to be listed");
  }
  return { promptTokens, completionTokens, logprobs, ranks, topN };
}

function checkStopSequenceLengths(stopSequences: readonly string[]): void {
  for (const stopSequence of stopSequences) {
    const bytes = Buffer.byteLength(stopSequence);
    if (bytes === 0 || bytes > maxStopSequenceBytes) refuseStopSequences(stopSequences.length);
  }
}

function refuseStopSequences(count: number): never {
  refuse(
    { rule: "stop-sequences", count, maxCount: maxStopSequences, maxBytes: maxStopSequenceBytes },
    `there can be at most ${maxStopSequences} stop sequences of 1 to ${maxStopSequenceBytes} bytes`,
  );
}

function checkTokenPenalties(
  { frequencyPenalty = 0, presencePenalty = 0, logitBias }: UncheckedRequest,
  limits: RequestLimits,
): Pick<GenerationRequest, "frequencyPenalty" | "presencePenalty" | "logitBias"> {
  checkTokenPenalty("frequency", frequencyPenalty);
  checkTokenPenalty("presence", presencePenalty);
  return { frequencyPenalty, presencePenalty, logitBias: logitBias && checkLogitBias(logitBias, limits) };
}

function checkTokenPenalty(name: "frequency" | "presence", value: number): void {
  if (Math.abs(value) <= maxTokenPenalty) return;
  refuse(
    { rule: `${name}-penalty`, value, limit: maxTokenPenalty },
    `the ${name} penalty must be in [-${maxTokenPenalty}, ${maxTokenPenalty}], got ${value}`,
  );
}

/** @returns undefined when nothing is biased. */
function checkLogitBias(
  asked: ReadonlyMap<number, number>,
  { vocabularySize }: RequestLimits,
): ReadonlyMap<number, number> | undefined {
  const logitBias = new Map<number, number>();
  for (const [tokenId, value] of asked) {
    if (!isTokenId(tokenId, vocabularySize)) {
      refuse(
        { rule: "logit-bias-token", tokenId, vocabularySize },
        `a logit bias is for token ${tokenId}, which the vocabulary lacks`,
      );
    }
    if (Number.isNaN(value))
      refuse({ rule: "logit-bias", tokenId, value }, `the logit bias of token ${tokenId} is NaN`);
    if (value !== 0) logitBias.set(tokenId, Math.max(-maxLogitBias, Math.min(maxLogitBias, value)));
  }
  return logitBias.size === 0 ? undefined : logitBias;
}

function checkPromptTokenIds(tokenIds: readonly number[] | undefined, { vocabularySize }: RequestLimits): void {
  const wrong = tokenIds?.find((id) => !isTokenId(id, vocabularySize));
  if (wrong === undefined) return;
  refuse(
    { rule: "prompt-token", tokenId: wrong, vocabularySize },
    `the prompt has token ${wrong}, which the vocabulary lacks`,
  );
}

const isTokenId = (id: number, vocabularySize: number): boolean =>
  Number.isInteger(id) && id >= 0 && id < vocabularySize;

/** The last `limit` tokens, the first of which gives way to the begin-of-text token where there is one. */
function keepLast(tokenIds: readonly number[], limit: number, beginOfTextId: number | undefined): readonly number[] {
  if (limit === 0 || limit >= tokenIds.length) return tokenIds;
  const kept = tokenIds.slice(-limit);
  if (beginOfTextId !== undefined) kept[0] = beginOfTextId;
  return kept;
}

function checkLength(promptTokens: number, minNewTokens: number, limit: number): void {
  if (promptTokens === 0) refuse({ rule: "empty-prompt" }, "the prompt has no tokens");
  if (promptTokens >= limit) {
    refuse(
      { rule: "prompt-length", promptTokens, limit },
      `the prompt must have fewer than ${limit} tokens, got ${promptTokens}`,
    );
  }
  if (promptTokens + minNewTokens > limit) {
    refuse(
      { rule: "prompt-and-min-length", promptTokens, minNewTokens, limit },
      `prompt and minimum of new tokens must have at most ${limit} tokens, got ${promptTokens} and ${minNewTokens}`,
    );
  }
}

function refuse(violation: Violation, message: string): never {
  throw new InvalidRequestError(violation, message);
}
