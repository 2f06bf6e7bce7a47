import { expect, test } from "vitest";
import { toTokenizeResponse } from "../../../../src/api/grpc/tgis/tokenization.js";
import type { Tokenizer } from "../../../../src/model/tokenizer.js";
import { beginOfText, endOfText, plainTokenizer } from "./plain-tokenizer.js";

const all = { returnTokens: true, returnOffsets: true, truncateInputTokens: 0 };

/** Offsets as `start-end`. */
function offsets(text: string, tokenizer: Tokenizer, truncateInputTokens = 0): string[] {
  const { offsets = [] } = toTokenizeResponse(text, { ...all, truncateInputTokens }, tokenizer);
  return offsets.map(({ start = 0, end = 0 }) => `${start}-${end}`);
}

test("offsets are bytes of the text, and a part of a character counts as the whole", () => {
  expect(offsets("aé€", plainTokenizer())).toEqual(["0-1", "1-3", "1-3", "3-6", "3-6", "3-6"]);
});

test("tokens that the tokenizer adds at either end have offset 0, 0", () => {
  const encode = (text: string): number[] => [beginOfText, ...Buffer.from(text), endOfText];
  expect(offsets("ab", plainTokenizer({ encode, beginOfTextId: beginOfText }))).toEqual(["0-0", "0-1", "1-2", "0-0"]);
});

test("an added token has offset 0, 0 even when the text begins with its name", () => {
  const encode = (): number[] => [beginOfText, beginOfText, 0x61];
  expect(offsets("<s>a", plainTokenizer({ encode, beginOfTextId: beginOfText }))).toEqual(["0-0", "0-3", "3-4"]);
});

test("a space that the tokenizer puts in front of the text is not in the text", () => {
  const bytesOf = (id: number): Uint8Array => (id === 1 ? Buffer.from(" a") : Uint8Array.of(id));
  expect(offsets("ab", plainTokenizer({ encode: () => [1, 0x62], bytesOf }))).toEqual(["0-1", "1-2"]);
});

test("truncation keeps the last tokens, and puts no begin of text in front of them", () => {
  const encode = (text: string): number[] => [beginOfText, ...Buffer.from(text)];
  const tokenizer = plainTokenizer({ encode, beginOfTextId: beginOfText });
  expect(toTokenizeResponse("abc", { ...all, truncateInputTokens: 2 }, tokenizer)).toEqual({
    tokenCount: 2,
    tokens: ["62", "63"],
    offsets: [
      { start: 1, end: 2 },
      { start: 2, end: 3 },
    ],
  });
});

test("tokens and offsets are told only when they are asked for", () => {
  const nothing = { returnTokens: false, returnOffsets: false, truncateInputTokens: 0 };
  expect(toTokenizeResponse("abc", nothing, plainTokenizer())).toEqual({ tokenCount: 3, tokens: [], offsets: [] });
});
