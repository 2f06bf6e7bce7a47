/** Prompts that are passages of a text, for what random words cannot show: prefixes, guesses, and how long answers get. */
import { ConfigurationError } from "../../../src/errors.js";
import { withDefault, string, type Fields } from "../../../src/api/fields.js";
import type { Random } from "./length.js";
import { strictObject } from "./strict-object.js";

export const passages = strictObject({
  /** What prompts are passages of. One that reaches the end goes on at the beginning, with a blank line between. */
  text: string,
  /** What follows each passage, such as the wish for a summary. */
  ending: withDefault(string, ""),
});
export type Passages = Fields<{ all: typeof passages }>["all"];

/** Some text, and how many tokens it has. */
export interface Piece {
  readonly text: string;
  readonly tokens: number;
}

/** A text in words, each with the space before it. Plain data: it goes to the clients' processes. */
export interface CutText {
  readonly pieces: readonly Piece[];
  readonly ending: Piece;
}

/** @param countTokens of the served model; undefined: it is not known, and a word counts as one. */
export function cutText({ text, ending }: Passages, countTokens: ((text: string) => number) | undefined): CutText {
  const pieceOf = (text: string): Piece => ({ text, tokens: countTokens?.(text) ?? wordsIn(text).length });
  const words = wordsIn(`\n\n${text.trim()}`);
  if (words.length === 0) throw new ConfigurationError("passages.text has no words");
  return { pieces: words.map(pieceOf), ending: pieceOf(ending) };
}

const wordsIn = (text: string): string[] => text.match(/\s*\S+/g) ?? [];

/** A passage that begins at any word: as many words as have at most `tokens` tokens together, but at least one. */
export function drawPassage({ pieces }: CutText, tokens: number, random: Random): Piece {
  const start = Math.floor(random() * pieces.length);
  let passage: Piece = { text: "", tokens: 0 };
  for (let index = start; ; index += 1) {
    const { text = "", tokens: more = tokens } = pieces[index % pieces.length] ?? {};
    if (index > start && passage.tokens + more > tokens) return passage;
    passage = { text: passage.text + text, tokens: passage.tokens + more };
  }
}
