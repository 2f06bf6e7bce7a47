import type { Tokenizer } from "../../../../src/model/tokenizer.js";

/** One token for each byte, its id; pieces are hexadecimal. What is overridden makes it another one. */
export function plainTokenizer(overrides: Partial<Tokenizer> = {}): Tokenizer {
  return {
    vocabularySize: 258,
    specialTokenIds: new Set([beginOfText, endOfText]),
    beginOfTextId: undefined,
    encode: (text) => [...Buffer.from(text)],
    bytesOf: (id) => (id < 256 ? Uint8Array.of(id) : new Uint8Array()),
    pieceOf: (id) => ({ [beginOfText]: "<s>", [endOfText]: "</s>" })[id] ?? id.toString(16),
    ...overrides,
  };
}

export const beginOfText = 256;
export const endOfText = 257;
