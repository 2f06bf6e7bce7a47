import { expect, test } from "vitest";
import { groupPrefills } from "../../src/engine/prefill-groups.js";
import type { PrefillChunk, Schedulable } from "../../src/engine/scheduler.js";

const nobody: Schedulable = {
  ...{ slot: undefined, promptTokens: 1, tokenIds: [], mayReusePrefix: true, cachedTokens: 0, reusedTokens: 0 },
};

/** The whole prompt of so many tokens in a row. */
function whole(slot: number, end: number): PrefillChunk<Schedulable> {
  return { sequence: nobody, slot, start: 0, end, isLast: true };
}

function rowsOf(chunks: readonly PrefillChunk<Schedulable>[], maxTokens = 256): number[][] {
  return groupPrefills(chunks, () => true, maxTokens).map((group) => group.map(({ slot }) => slot));
}

test("short prompts in neighbouring rows run together", () => {
  expect(rowsOf([whole(3, 12), whole(4, 20), whole(5, 9)])).toEqual([[3, 4, 5]]);
});

test("at most 16 tokens are padding for each run that is saved", () => {
  expect(rowsOf([whole(0, 30), whole(1, 14)])).toEqual([[0, 1]]);
  expect(rowsOf([whole(0, 30), whole(1, 13)])).toEqual([[0], [1]]);
  expect(rowsOf([whole(0, 14), whole(1, 30), whole(2, 14)])).toEqual([[0, 1, 2]]);
});

test("a run computes no more than it may, padding included", () => {
  expect(rowsOf([whole(0, 20), whole(1, 10)], 40)).toEqual([[0, 1]]);
  expect(rowsOf([whole(0, 20), whole(1, 10)], 39)).toEqual([[0], [1]]);
});

test("rows that lie apart run by themselves", () => {
  expect(rowsOf([whole(0, 9), whole(2, 9)])).toEqual([[0], [2]]);
});

test("rows at both ends of a window join, in their order", () => {
  expect(rowsOf([whole(5, 9), whole(4, 9), whole(6, 9)])).toEqual([[4, 5, 6]]);
});

test.each([
  ["a chunk with a past", { start: 4 }],
  ["a chunk that is not the prompt's end", { isLast: false }],
])("%s runs by itself", (_, other) => {
  expect(rowsOf([{ ...whole(0, 9), ...other }, whole(1, 9), whole(2, 9)])).toEqual([[0], [1, 2]]);
  expect(rowsOf([whole(0, 9), whole(1, 9), { ...whole(2, 9), ...other }])).toEqual([[0, 1], [2]]);
});

test("what may not join runs by itself", () => {
  const chunks = [whole(0, 9), whole(1, 9), whole(2, 9)];
  const groups = groupPrefills(chunks, ({ slot }) => slot !== 1, 256);
  expect(groups).toEqual(chunks.map((chunk) => [chunk]));
});
