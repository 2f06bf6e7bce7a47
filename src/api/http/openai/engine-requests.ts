import type { RequestLimits, UncheckedRequest } from "../../../engine/request.js";
import { textOf, type TextModel } from "../text-model.js";
import type { CompletionBody, Prompt } from "./completion-body.js";
import { invalid } from "./errors.js";

const defaultMaxTokens = 16;

/**
 * One request of the engine for each choice: all samples of the first prompt, then those of the second, and so on.
 * @throws {OpenAiError} when a key of `logit_bias` is no number.
 */
export function toEngineRequests(body: CompletionBody, limits: RequestLimits, model: TextModel): UncheckedRequest[] {
  const shared = toSharedRequest(body, limits);
  return body.prompt.flatMap((prompt) => {
    const asked = { ...toPrompt(prompt, body, model), ...shared };
    return Array.from({ length: body.n }, (_, sample) => ({ ...asked, seed: seedOf(body.seed, sample) }));
  });
}

function toSharedRequest(body: CompletionBody, limits: RequestLimits): Omit<UncheckedRequest, "prompt"> {
  return {
    method: body.temperature === 0 ? "greedy" : "sample",
    temperature: body.temperature,
    topP: body.top_p,
    maxNewTokens: body.max_tokens ?? Math.min(defaultMaxTokens, limits.maxNewTokens),
    stopSequences: body.stop,
    includeStopSequence: false,
    includePromptText: body.echo,
    frequencyPenalty: body.frequency_penalty,
    presencePenalty: body.presence_penalty,
    logitBias: body.logit_bias && toLogitBias(body.logit_bias),
    details: toDetails(body),
  };
}

/** Ids are echoed as their text. */
function toPrompt(
  prompt: Prompt,
  { echo }: CompletionBody,
  model: TextModel,
): Pick<UncheckedRequest, "prompt" | "promptTokenIds"> {
  if (typeof prompt === "string") return { prompt };
  return { prompt: echo ? textOf(prompt, model) : "", promptTokenIds: prompt };
}

/** The first sample has the seed that was given, the next ones those that follow it; negative ones count from the top. */
function seedOf(seed: number | undefined, sample: number): bigint | undefined {
  return seed === undefined ? undefined : BigInt.asUintN(64, BigInt(seed) + BigInt(sample));
}

function toLogitBias(given: ReadonlyMap<string, number>): ReadonlyMap<number, number> {
  const wrong = [...given.keys()].find((key) => !/^\d{1,15}$/.test(key));
  if (wrong !== undefined)
    throw invalid("logit_bias", `logit_bias must have token ids as keys, got ${wrong.slice(0, 60)}`);
  return new Map(Array.from(given, ([key, bias]) => [Number(key), bias]));
}

function toDetails({ logprobs, echo }: CompletionBody): UncheckedRequest["details"] {
  if (logprobs === undefined) return {};
  return { completionTokens: true, promptTokens: echo, logprobs: true, topN: logprobs };
}
