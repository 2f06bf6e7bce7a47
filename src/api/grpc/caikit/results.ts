import type { MessageInitShape } from "@bufbuild/protobuf";
import type { GenerationEvent, StopReason, TokenDetail } from "../../../engine/request.js";
import type { ServedModel } from "../../caikit/models.js";
import type { Generation } from "../../fold.js";
import {
  FinishReason,
  type GeneratedTextResultSchema,
  type GeneratedTextStreamResultSchema,
  type GeneratedTokenSchema,
} from "../generated/caikit_data_model/nlp_pb.js";

const finishReasons = {
  eos: FinishReason.EOS_TOKEN,
  "max-tokens": FinishReason.MAX_TOKENS,
  "token-limit": FinishReason.TOKEN_LIMIT,
  "stop-sequence": FinishReason.STOP_SEQUENCE,
  "time-limit": FinishReason.TIME_LIMIT,
  cancelled: FinishReason.CANCELLED,
  error: FinishReason.ERROR,
} as const satisfies Record<StopReason, FinishReason>;

/** @param requestSeed the client's own: a drawn seed is not told in a unary answer. */
export function toResult(
  generation: Generation,
  requestSeed: bigint | undefined,
  producer: ServedModel["producer"],
): MessageInitShape<typeof GeneratedTextResultSchema> {
  return {
    generatedText: generation.text,
    generatedTokens: BigInt(generation.completionTokens),
    finishReason: finishReasons[generation.stop.reason],
    producerId: producer,
    inputTokenCount: BigInt(generation.promptTokens),
    seed: requestSeed ?? 0n,
    tokens: generation.completionTokenDetails.map(toToken),
    inputTokens: generation.promptTokenDetails.map(toToken),
  };
}

/**
 * One message for each event. `details` is always there; the input's length comes with the first message and with the
 * prompt's tokens, the seed with the first and the last, and the producer never.
 */
export async function* toStreamResults(
  events: AsyncIterable<GenerationEvent>,
): AsyncIterable<MessageInitShape<typeof GeneratedTextStreamResultSchema>> {
  let seed = 0n;
  for await (const event of events) {
    switch (event.type) {
      case "started":
        ({ seed } = event);
        yield { generatedText: event.text, details: { inputTokenCount: BigInt(event.promptTokens), seed } };
        break;
      case "prompt":
        yield {
          inputTokens: event.tokens.map(toToken),
          details: { inputTokenCount: BigInt(event.tokens.length) },
        };
        break;
      case "tokens":
        yield {
          generatedText: event.text,
          tokens: event.tokens.map(toToken),
          details: {
            generatedTokens: event.completionTokens,
            ...(event.stop && { finishReason: finishReasons[event.stop.reason], seed }),
          },
        };
    }
  }
}

/** Single precision is what the original's backend sends. */
function toToken({ piece, logprob, rank }: TokenDetail): MessageInitShape<typeof GeneratedTokenSchema> {
  return { text: piece, logprob: Math.fround(logprob), rank: BigInt(rank) };
}
