import { median, quantileOfSorted } from "../stats.js";

export interface Interval {
  readonly lower: number;
  readonly upper: number;
}

/**
 * Where the median of more such values would lie: the percentile bootstrap (Efron, 1979). Samples of the same number of
 * values are drawn from them, with repetition; the interval holds the middle `confidence` of the samples' medians. The
 * same values give the same interval.
 * @returns undefined for fewer than two values, which say nothing about how far apart they are.
 */
export function medianInterval(values: readonly number[], confidence = 0.95, resamples = 10_000): Interval | undefined {
  if (values.length < 2) return undefined;
  const draw = uniformIntegers(values.length);
  const medians = Float64Array.from({ length: resamples }, () => median(values.map(() => values[draw()] ?? NaN)));
  medians.sort();
  const tail = (1 - confidence) / 2;
  return { lower: quantileOfSorted(medians, tail), upper: quantileOfSorted(medians, 1 - tail) };
}

/** Integers in [0, limit) of a small generator (xorshift32), always the same. */
function uniformIntegers(limit: number): () => number {
  let state = 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return Math.floor(((state >>> 0) / 2 ** 32) * limit);
  };
}
