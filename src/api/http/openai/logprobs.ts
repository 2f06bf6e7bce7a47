import type { TokenDetail } from "../../../engine/request.js";
import type { TextModel } from "../text-model.js";

/** Parallel lists, one entry for each token. */
export interface Logprobs {
  readonly tokens: readonly string[];
  /** `null` for the first token of an echoed prompt, of which the model says nothing. */
  readonly token_logprobs: readonly (number | null)[];
  readonly top_logprobs: readonly (Readonly<Record<string, number>> | null)[];
  /** Where each token begins in the choice's text, in Unicode code points. */
  readonly text_offset: readonly number[];
}

/** Tells the tokens of one choice, part by part. */
export class LogprobsWriter {
  readonly #utf8 = new TextDecoder("utf-8", { ignoreBOM: true });
  #offset = 0;

  /** @param topN alternatives to list for each token; the token itself is listed in any case. */
  constructor(
    private readonly tokenizer: TextModel["tokenizer"],
    private readonly topN: number,
  ) {}

  write(details: readonly TokenDetail[]): Logprobs {
    return {
      tokens: details.map((detail) => nameOfToken(detail, this.tokenizer)),
      token_logprobs: details.map(({ logprob }) => (Number.isNaN(logprob) ? null : logprob)),
      top_logprobs: details.map((detail) => (Number.isNaN(detail.logprob) ? null : this.#topOf(detail))),
      text_offset: details.map(({ id }) => this.#advance(id)),
    };
  }

  #topOf(detail: TokenDetail): Record<string, number> {
    const listed = [...detail.top.slice(0, this.topN), detail];
    return Object.fromEntries(listed.map((token) => [nameOfToken(token, this.tokenizer), token.logprob]));
  }

  #advance(id: number): number {
    const start = this.#offset;
    this.#offset += Array.from(this.#utf8.decode(this.tokenizer.bytesOf(id), { stream: true })).length;
    return start;
  }
}

/** Its text; a token that is no text by itself is named by its bytes, so that names stay distinct. */
export function nameOfToken(
  { id, piece }: { readonly id: number; readonly piece: string },
  tokenizer: TextModel["tokenizer"],
): string {
  const bytes = Buffer.from(tokenizer.bytesOf(id));
  if (bytes.length === 0) return piece;
  const text = bytes.toString();
  return bytes.equals(Buffer.from(text)) ? text : `bytes:${bytes.toString("hex").replace(/../g, "\\x$&")}`;
}
