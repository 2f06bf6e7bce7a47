import type { TokenDetail, TopToken } from "../../../../engine/request.js";
import type { TextModel } from "../../text-model.js";
import { nameOfToken } from "../logprobs.js";

export interface ChatTopLogprob {
  readonly token: string;
  readonly logprob: number;
  /** UTF-8; `null` for a special token, which is no text. */
  readonly bytes: readonly number[] | null;
}

export interface ChatTokenLogprob extends ChatTopLogprob {
  readonly top_logprobs: readonly ChatTopLogprob[];
}

export interface ChatLogprobs {
  readonly content: readonly ChatTokenLogprob[];
  readonly refusal: null;
}

/** @param topN alternatives to list for each token. */
export function toChatLogprobs(
  details: readonly TokenDetail[],
  topN: number,
  tokenizer: TextModel["tokenizer"],
): ChatLogprobs {
  const toLogprob = (token: TopToken): ChatTopLogprob => {
    const bytes = tokenizer.bytesOf(token.id);
    return {
      token: nameOfToken(token, tokenizer),
      logprob: token.logprob,
      bytes: bytes.length === 0 ? null : [...bytes],
    };
  };
  const content = details.map((detail) => ({
    ...toLogprob(detail),
    top_logprobs: detail.top.slice(0, topN).map(toLogprob),
  }));
  return { content, refusal: null };
}
