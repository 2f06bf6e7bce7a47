import { create } from "@bufbuild/protobuf";
import type { LengthPenalty, TokenDetailOptions, UncheckedRequest } from "../../../engine/request.js";
import {
  DecodingMethod,
  ParametersSchema,
  type DecodingParameters_LengthPenalty,
  type Parameters,
  type ResponseOptions,
} from "../generated/fmaas/generation_pb.js";

/**
 * One input and the parameters that it shares, in the engine's terms. The defaults and the rules are the engine's, which
 * has them from TGIS.
 */
export function toEngineRequest(prompt: string, params: Parameters = create(ParametersSchema)): UncheckedRequest {
  const { sampling, stopping, decoding, response } = params;
  return {
    prompt,
    method: isSampled(params) ? "sample" : "greedy",
    temperature: sampling?.temperature,
    topK: sampling?.topK,
    topP: sampling?.topP,
    typicalP: sampling?.typicalP,
    seed: sampling?.seed,
    repetitionPenalty: decoding?.repetitionPenalty,
    lengthPenalty: toLengthPenalty(decoding?.lengthPenalty),
    maxNewTokens: stopping?.maxNewTokens,
    minNewTokens: stopping?.minNewTokens,
    stopSequences: stopping?.stopSequences,
    includeStopSequence: stopping?.includeStopSequence,
    timeLimitMs: stopping?.timeLimitMillis,
    truncatePromptTokens: params.truncateInputTokens,
    includePromptText: response?.inputText,
    details: toDetails(response),
  };
}

/**
 * A method that is not known is greedy, as in TGIS. So is an explicit temperature of 0, as in its successor: only the
 * successor's clients can say it, the proto of TGIS drops it.
 */
function isSampled({ method, sampling }: Parameters): boolean {
  return method === DecodingMethod.SAMPLE && sampling?.temperature !== 0;
}

function toLengthPenalty(penalty: DecodingParameters_LengthPenalty | undefined): LengthPenalty | undefined {
  return penalty && { startIndex: penalty.startIndex, decayFactor: penalty.decayFactor };
}

function toDetails(response: ResponseOptions | undefined): Partial<TokenDetailOptions> | undefined {
  return (
    response && {
      promptTokens: response.inputTokens,
      completionTokens: response.generatedTokens,
      logprobs: response.tokenLogprobs,
      ranks: response.tokenRanks,
      topN: response.topNTokens,
    }
  );
}
