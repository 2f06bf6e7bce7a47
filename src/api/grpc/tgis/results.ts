import type { MessageInitShape } from "@bufbuild/protobuf";
import type {
  GenerationEvent,
  Stop,
  StopReason as EngineReason,
  TokenDetail,
  TopToken,
} from "../../../engine/request.js";
import type { Generation } from "../../fold.js";
import { StopReason, type GenerationResponseSchema, type TokenInfoSchema } from "../generated/fmaas/generation_pb.js";

type Response = MessageInitShape<typeof GenerationResponseSchema>;

const stopReasons = {
  eos: StopReason.EOS_TOKEN,
  "max-tokens": StopReason.MAX_TOKENS,
  "token-limit": StopReason.TOKEN_LIMIT,
  "stop-sequence": StopReason.STOP_SEQUENCE,
  "time-limit": StopReason.TIME_LIMIT,
  cancelled: StopReason.CANCELLED,
  error: StopReason.ERROR,
} as const satisfies Record<EngineReason, StopReason>;

export function toResponse(generation: Generation): Response {
  return {
    generatedTokenCount: generation.completionTokens,
    text: generation.text,
    inputTokenCount: generation.promptTokens,
    tokens: generation.completionTokenDetails.map(toTokenInfo),
    inputTokens: generation.promptTokenDetails.map(toTokenInfo),
    ...toEnd(generation.stop, generation.seed),
  };
}

/**
 * One message for each event: the input's length comes with the first message and with the input's tokens, the seed
 * with the first and the last.
 */
export async function* toStreamResponses(events: AsyncIterable<GenerationEvent>): AsyncIterable<Response> {
  let seed = 0n;
  for await (const event of events) {
    switch (event.type) {
      case "started":
        ({ seed } = event);
        yield { inputTokenCount: event.promptTokens, seed, text: event.text };
        break;
      case "prompt":
        yield { inputTokenCount: event.tokens.length, inputTokens: event.tokens.map(toTokenInfo) };
        break;
      case "tokens":
        yield {
          generatedTokenCount: event.completionTokens,
          text: event.text,
          tokens: event.tokens.map(toTokenInfo),
          ...(event.stop && toEnd(event.stop, seed)),
        };
    }
  }
}

function toEnd({ reason, sequence = "" }: Stop, seed: bigint): Response {
  return { stopReason: stopReasons[reason], stopSequence: sequence, seed };
}

function toTokenInfo({ rank, top, ...token }: TokenDetail): MessageInitShape<typeof TokenInfoSchema> {
  return { ...toTopToken(token), rank, topTokens: top.map(toTopToken) };
}

/** In single precision, so that what rounds to 0 there is left out of the message. */
function toTopToken({ piece, logprob }: TopToken): { text: string; logprob: number } {
  return { text: piece, logprob: Math.fround(logprob) };
}
