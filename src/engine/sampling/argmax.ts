import { InternalError } from "../../errors.js";

/**
 * Position of the highest score in `scores[0, length)`, the lowest position on ties: the greedy choice.
 *
 * One test covers four scores: they are passed over when all are at most the best so far, which is false for
 * NaN as well, so that a broken row is found without a look of its own.
 * @throws {InternalError} when a score is NaN or +infinity, or all are -infinity.
 */
export function argmax(scores: Float32Array, length: number): number {
  let best = -Infinity;
  let position = -1;
  for (let start = 0; start < length; start += 4) {
    const end = Math.min(start + 4, length);
    if (
      end === start + 4 &&
      (scores[start] ?? 0) <= best &&
      (scores[start + 1] ?? 0) <= best &&
      (scores[start + 2] ?? 0) <= best &&
      (scores[start + 3] ?? 0) <= best
    ) {
      continue;
    }
    for (let i = start; i < end; i++) {
      const score = scores[i] ?? 0;
      if (score <= best) continue;
      if (!(score < Infinity)) throw unusableLogits();
      best = score;
      position = i;
    }
  }
  if (position === -1) throw unusableLogits();
  return position;
}

/** No probability can be made of the row: the model, or what ran it, is broken. */
export function unusableLogits(): InternalError {
  return new InternalError("the model produced logits that are NaN or infinite");
}
