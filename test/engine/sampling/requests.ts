import type { GenerationRequest, SamplingParameters, TokenDetailOptions } from "../../../src/engine/request.js";

export const noDetails: TokenDetailOptions = {
  promptTokens: false,
  completionTokens: false,
  logprobs: false,
  ranks: false,
  topN: 0,
};

/** Everything that can be said of a completion token, with the `topN` best beside it. */
export function allDetails(topN: number): TokenDetailOptions {
  return { promptTokens: false, completionTokens: true, logprobs: true, ranks: true, topN };
}

const neutral: SamplingParameters = { temperature: 1, topK: 0, topP: 1, typicalP: 1, seed: 1n };

export function sampling(parameters: Partial<SamplingParameters>): SamplingParameters {
  return { ...neutral, ...parameters };
}

/** A greedy request with nothing switched on but `parts`. */
export function request(parts: Partial<GenerationRequest>): GenerationRequest {
  return {
    promptText: "",
    promptTokenIds: [0],
    sampling: undefined,
    repetitionPenalty: 1,
    lengthPenalty: undefined,
    frequencyPenalty: 0,
    presencePenalty: 0,
    logitBias: undefined,
    maxNewTokens: 20,
    isTokenLimited: false,
    minNewTokens: 0,
    stopSequences: [],
    includeStopSequence: true,
    timeLimitMs: undefined,
    includePromptText: false,
    details: noDetails,
    ...parts,
  };
}
