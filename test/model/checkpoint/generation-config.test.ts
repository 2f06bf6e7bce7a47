import { expect, test } from "vitest";
import { eosTokenIds } from "../../../src/model/checkpoint/generation-config.js";

const vocabularySize = 600;
const eos = (generation: unknown, config: unknown, tokenizer?: number) =>
  eosTokenIds(
    { generationConfig: { eos_token_id: generation }, config: { eos_token_id: config } },
    vocabularySize,
    tokenizer,
  );

test("takes the ids of generation_config.json, one or several, each once", () => {
  expect(eos(5, 6, 7)).toEqual([5]);
  expect(eos([5, 599, 5], 6, 7)).toEqual([5, 599]);
});

test("falls back to config.json, then to the tokenizer, then to none", () => {
  expect(eos(null, 6, 7)).toEqual([6]);
  expect(eos([], 6, 7)).toEqual([6]);
  expect(eos(undefined, null, 7)).toEqual([7]);
  expect(eos(undefined, undefined)).toEqual([]);
  expect(eosTokenIds({ generationConfig: undefined, config: { eos_token_id: 0 } }, vocabularySize, 7)).toEqual([0]);
});

test.each([
  { id: 600, found: "600" },
  { id: -1, found: "-1" },
  { id: [5, 1.5], found: "1.5" },
  { id: "5", found: "'5'" },
])("refuses $id as the id of a token that ends a completion", ({ id, found }) => {
  expect(() => eos(id, 6)).toThrow(
    `generation_config.json: eos_token_id must be whole numbers in [0, 600), got ${found}`,
  );
});
