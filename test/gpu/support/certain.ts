/** What of a float32 reference another precision must give. */
import type { ReferenceCompletion, ReferenceToken } from "../../support/reference.js";

/**
 * The tokens of a greedy completion up to the first that two nearly share: logits that are off by up to `tolerance`
 * cannot turn a margin of twice as much.
 */
export function certainTokens({ tokens }: ReferenceCompletion, tolerance: number): readonly ReferenceToken[] {
  const tie = tokens.findIndex(({ margin }) => margin <= 2 * tolerance);
  return tie === -1 ? tokens : tokens.slice(0, tie);
}

/** The largest distance of two lists of numbers; NaN when they are not of one length. */
export function farthest(actual: readonly number[], expected: readonly number[]): number {
  if (actual.length !== expected.length) return NaN;
  return Math.max(0, ...expected.map((value, index) => Math.abs((actual[index] ?? NaN) - value)));
}
