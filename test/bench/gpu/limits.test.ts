import { expect, test } from "vitest";
import { compareDecode, precisionOf } from "../../../bench/gpu/limits.js";

/** 2 layers of width 4 and a head of 10: 384 + 40 weights. */
const sizes = { layers: 2, heads: 2, width: 4, positions: 16, vocabularySize: 10 };
const scenario = { checkpoint: { name: "", sizes, tokenizerFolder: "" }, contextTokens: 5 };
const float16 = precisionOf({ dtype: "float16", kvDtype: "float16" });
const rate = {
  streams: 3,
  tokensPerSecond: { count: 1, median: 1.5, lowerQuartile: 1.5, upperQuartile: 1.5 },
  stepMs: 2000,
};
const pytorch = [
  { version: "", streams: 8, stepMs: 1 },
  { version: "", streams: 3, stepMs: 3000 },
];

test("the least time of a step is that of reading float16 weights once, and each stream's keys and values", () => {
  // 2 x 424 bytes of weights, and 2 x 240 of keys and values (2 x 2 layers x width 4 x 5 tokens x 3 streams).
  expect(compareDecode(rate, scenario, float16, 1328, pytorch)).toEqual({
    ...rate,
    ...{ leastMs: 1000, achieved: 0.5, pytorchMs: 3000, toPytorch: 1.5 },
  });
});

test("without a bandwidth and without PyTorch at as many streams there is nothing to compare with", () => {
  expect(compareDecode(rate, scenario, float16, undefined, pytorch.slice(0, 1))).toEqual({
    ...rate,
    ...{ leastMs: undefined, achieved: undefined, pytorchMs: undefined, toPytorch: undefined },
  });
});
