import type { RequestLimits, UncheckedRequest } from "../../../engine/request.js";
import { textOf, type TextModel } from "../text-model.js";
import { candidatesOf, type CompletionBody, type Prompt } from "./completion-body.js";
import { invalid } from "./errors.js";
import type { GenerationBody } from "./generation-fields.js";

const defaultMaxTokens = 16;

/**
 * One request of the engine for each candidate: all of the first prompt, then those of the second, and so on.
 * @throws {OpenAiError} when a key of `logit_bias` is no number.
 */
export function toEngineRequests(body: CompletionBody, limits: RequestLimits, model: TextModel): UncheckedRequest[] {
  const maxNewTokens = body.max_tokens ?? Math.min(defaultMaxTokens, limits.maxNewTokens);
  const shared = {
    ...toSharedRequest(body),
    maxNewTokens,
    minNewTokens: body.ignore_eos ? maxNewTokens : body.min_tokens,
    includePromptText: body.echo,
    details: toDetails(body),
  };
  return body.prompt.flatMap((prompt) =>
    samplesOf({ ...toPrompt(prompt, body, model), ...shared }, candidatesOf(body), body.seed),
  );
}

/** What completions and chat ask for in the same words. */
export function toSharedRequest(body: GenerationBody): Omit<UncheckedRequest, "prompt"> {
  return {
    method: body.temperature === 0 ? "greedy" : "sample",
    temperature: body.temperature,
    topK: Math.max(body.top_k, 0),
    topP: body.top_p,
    repetitionPenalty: body.repetition_penalty,
    stopSequences: body.stop,
    includeStopSequence: body.include_stop_str_in_output,
    frequencyPenalty: body.frequency_penalty,
    presencePenalty: body.presence_penalty,
    logitBias: body.logit_bias && toLogitBias(body.logit_bias),
  };
}

/** `count` samples of one prompt. */
export function samplesOf(request: UncheckedRequest, count: number, seed: number | undefined): UncheckedRequest[] {
  return Array.from({ length: count }, (_, sample) => ({ ...request, seed: seedOf(seed, sample) }));
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

/** Candidates are compared by the log-probabilities of their tokens, whether or not these are told. */
function toDetails(body: CompletionBody): UncheckedRequest["details"] {
  const { logprobs, echo } = body;
  if (logprobs === undefined && candidatesOf(body) === body.n) return {};
  return { completionTokens: true, promptTokens: echo && logprobs !== undefined, logprobs: true, topN: logprobs ?? 0 };
}
