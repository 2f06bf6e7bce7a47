import { HarnessError } from "../errors.js";
import type { Tokenizer } from "../../src/model/index.js";

export interface Prompt {
  readonly text: string;
  readonly tokenIds: readonly number[];
}

/**
 * `count` different texts of exactly `tokens` tokens each: words that are one token, a space before each. The
 * tokenizer splits text at spaces first, so such words do not merge with each other.
 * @throws {HarnessError} when the tokenizer sees it otherwise.
 */
export function makePrompts(tokenizer: Tokenizer, count: number, tokens: number): Prompt[] {
  const words = wholeWords(tokenizer, 256);
  if (words.length === 0) throw new HarnessError("the tokenizer has no words of one token");
  return Array.from({ length: count }, (_, prompt) => {
    // A stride of its own for each prompt: the same words in another order.
    const text = Array.from({ length: tokens }, (_, i) => words[(prompt + i * (2 * prompt + 1)) % words.length]).join(
      "",
    );
    const tokenIds = tokenizer.encode(text);
    if (tokenIds.length !== tokens) {
      throw new HarnessError(`a prompt that was made to have ${tokens} tokens has ${tokenIds.length}`);
    }
    return { text, tokenIds };
  });
}

/** Up to `limit` words such as ` the`, in the order of their ids. */
export function wholeWords(tokenizer: Tokenizer, limit: number): string[] {
  const words: string[] = [];
  for (let id = 0; id < tokenizer.vocabularySize && words.length < limit; id += 1) {
    const [, letters] = /^Ġ([a-z]+)$/.exec(tokenizer.pieceOf(id)) ?? [];
    if (letters !== undefined && tokenizer.encode(` ${letters}`).length === 1) words.push(` ${letters}`);
  }
  return words;
}
