import { expect, test } from "vitest";
import { gpt2Small } from "../../../bench/checkpoint.js";
import { headWeights, layerWeights, leastDecodeStep, leastPrefill } from "../../../bench/roofline/least-time.js";

/** 2 layers of width 4: 384 weights; head 10 x 4 = 40. */
const sizes = { layers: 2, heads: 2, width: 4, positions: 16, vocabularySize: 10 };
const float32 = { weightBytes: 4, kvBytes: 4 };

test("GPT-2 small has 85 million weights in its layers and 39 in its head", () => {
  expect([layerWeights(gpt2Small), headWeights(gpt2Small)]).toEqual([84_934_656, 38_597_376]);
});

test("a decode step reads every weight once, and the keys and values of every row", () => {
  // 424 weights and 2 x 2 x 4 x 5 x 3 = 240 numbers of keys and values, 4 bytes each: 2,656 bytes at 1,000 a second.
  const least = leastDecodeStep(sizes, float32, { bytesPerSecond: 1000, operationsPerSecond: 1e9 }, 3, 5);
  expect(least).toMatchObject({ memoryMs: 2656, leastMs: 2656, limit: "memory" });
});

test("a decode step multiplies every weight for every row, and every key and value", () => {
  // 2 x 424 x 3 + 2 x 240 = 3,024 operations.
  const least = leastDecodeStep(sizes, float32, { bytesPerSecond: 1e9, operationsPerSecond: 1000 }, 3, 5);
  expect(least).toMatchObject({ arithmeticMs: 3024, leastMs: 3024, limit: "arithmetic" });
});

test("fewer bytes a weight and a key make the memory's share less, not the arithmetic's", () => {
  const rates = { bytesPerSecond: 1000, operationsPerSecond: 1000 };
  const least = leastDecodeStep(sizes, { weightBytes: 1, kvBytes: 1 }, rates, 3, 5);
  expect(least).toMatchObject({ memoryMs: 664, arithmeticMs: 3024 });
});

test("a prefill computes its layers for every token, its head for one, and attends to 1, 2, 3 ... tokens", () => {
  // 2 x 384 x 3 + 2 x 40 + 4 x 2 x 4 x (1 + 2 + 3) = 2,576 operations.
  const least = leastPrefill(sizes, float32, { bytesPerSecond: 1e9, operationsPerSecond: 1000 }, 3);
  expect(least).toMatchObject({ arithmeticMs: 2576, limit: "arithmetic" });
});
