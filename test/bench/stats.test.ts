import { describe, expect, test } from "vitest";
import { median, quantile, spread, summarize } from "../../bench/stats.js";

describe("quantile", () => {
  const rows: [values: number[], share: number, expected: number][] = [
    [[7], 0.25, 7],
    [[3, 1, 2], 0.5, 2],
    [[4, 1, 3, 2], 0.5, 2.5],
    [[1, 2, 3, 4], 0.25, 1.75],
    [[1, 2, 3, 4], 0.75, 3.25],
    [[10, 2, 9], 0, 2],
    [[10, 2, 9], 1, 10],
    [[100, 9, 20], 0.5, 20],
  ];
  test.each(rows)("of %j at %d is %d", (values, share, expected) => {
    expect(quantile(values, share)).toBe(expected);
  });

  test("of nothing is not a number", () => {
    expect(quantile([], 0.5)).toBeNaN();
  });

  test("leaves the values in their order", () => {
    const values = [3, 1, 2];
    median(values);
    expect(values).toEqual([3, 1, 2]);
  });
});

test("a summary has the median and the quartiles", () => {
  expect(summarize([5, 1, 4, 2, 3])).toEqual({ count: 5, median: 3, lowerQuartile: 2, upperQuartile: 4 });
});

test("there is no summary of nothing", () => {
  expect(summarize([])).toBeUndefined();
});

test("the spread is the distance of the quartiles as a share of the median", () => {
  expect(spread({ count: 5, median: 20, lowerQuartile: 18, upperQuartile: 23 })).toBe(0.25);
});
