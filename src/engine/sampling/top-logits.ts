/** The highest logits of a row, and the tokens that have them: found where the logits were computed. */
export interface TopLogits {
  /** In the order of the logits. */
  readonly ids: Int32Array;
  /** The highest first. No logit of the row is NaN or infinite, but for -infinity. */
  readonly logits: Float32Array;
}

/**
 * How many of the `k` highest there are with those that are tied with the k-th after division by `temperature` in float32.
 * @returns Undefined when more may be tied than are known, or one of them is impossible (-infinity).
 */
export function countHighest(
  { logits }: TopLogits,
  k: number,
  temperature: number,
  vocabularySize: number,
): number | undefined {
  if (k > logits.length) return undefined;
  const lowest = Math.fround((logits[k - 1] ?? 0) / temperature);
  if (lowest === -Infinity) return undefined;
  let count = k;
  while (count < logits.length && Math.fround((logits[count] ?? 0) / temperature) >= lowest) count += 1;
  return count < logits.length || count === vocabularySize ? count : undefined;
}
