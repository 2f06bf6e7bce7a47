import { unusableLogits } from "./argmax.js";

export const lowestFinite = -3.4028234663852886e38;
const smallestNormal = 2 ** -126;

/**
 * Selects the k highest of `scores[0, length)` after division by `temperature` in float32, and those tied
 * with the k-th. One pass: a score that cannot reach the k-th highest of those seen so far is passed over,
 * and the list is pruned whenever k more have gathered. -infinity is never selected.
 *
 * @param selected receives the positions, ascending; as long as `scores`.
 * @param workspace as long as `scores`.
 * @returns how many were selected: fewer than k only when fewer are finite.
 * @throws {InternalError} when a score is NaN or +infinity, or all are -infinity.
 */
export function selectLargest(
  scores: Float32Array,
  length: number,
  k: number,
  temperature: number,
  selected: Int32Array,
  workspace: Float32Array,
): number {
  const batch = Math.max(k, 64);
  let pruneAt = k + batch;
  let floor = lowestFinite;
  let count = 0;
  for (let start = 0; start < length; start += 4) {
    const end = Math.min(start + 4, length);
    // Four scores for one branch, as in argmax; false for NaN too.
    if (
      end === start + 4 &&
      (scores[start] ?? 0) < floor &&
      (scores[start + 1] ?? 0) < floor &&
      (scores[start + 2] ?? 0) < floor &&
      (scores[start + 3] ?? 0) < floor
    ) {
      continue;
    }
    for (let i = start; i < end; i++) {
      const score = scores[i] ?? 0;
      if (score < floor) continue;
      if (!(score < Infinity)) throw unusableLogits();
      selected[count++] = i;
    }
    if (count < pruneAt) continue;
    const kth = kthHighest(scores, selected, count, k, workspace);
    count = retainTied(scores, selected, count, kth, temperature);
    floor = lowestTied(kth, temperature);
    pruneAt = count + batch;
  }
  if (count === 0) throw unusableLogits();
  if (count <= k) return count;
  return retainTied(scores, selected, count, kthHighest(scores, selected, count, k, workspace), temperature);
}

/** Drops positions whose quotient is below that of `kth`, in order. @returns how many stay. */
export function retainTied(
  scores: Float32Array,
  positions: Int32Array,
  count: number,
  kth: number,
  temperature: number,
): number {
  const lowest = Math.fround(kth / temperature);
  let kept = 0;
  for (let i = 0; i < count; i++) {
    const position = positions[i] ?? 0;
    if (Math.fround((scores[position] ?? 0) / temperature) >= lowest) positions[kept++] = position;
  }
  return kept;
}

/**
 * A bound below every score whose quotient may equal that of `kth`. Rounding is relative (half of 2^-23 for
 * each of the two) as long as the quotient is a normal float32, and below that absolute.
 */
export function lowestTied(kth: number, temperature: number): number {
  if (temperature === 1) return kth;
  if (Math.abs(kth / temperature) >= 2 * smallestNormal) return kth - Math.abs(kth) * 2 ** -22;
  return -4 * smallestNormal * temperature;
}

/** The k-th highest score among `positions[0, count)`. */
export function kthHighest(
  scores: Float32Array,
  positions: Int32Array,
  count: number,
  k: number,
  workspace: Float32Array,
): number {
  for (let i = 0; i < count; i++) workspace[i] = scores[positions[i] ?? 0] ?? 0;
  return quickselect(workspace, count, k);
}

/** The k-th highest of `workspace[0, count)`, which is reordered (Hoare's partition). */
export function quickselect(workspace: Float32Array, count: number, k: number): number {
  let low = 0;
  let high = count - 1;
  while (low < high) {
    const pivot = workspace[(low + high) >> 1] ?? 0;
    let left = low;
    let right = high;
    while (left <= right) {
      while ((workspace[left] ?? 0) > pivot) left++;
      while ((workspace[right] ?? 0) < pivot) right--;
      if (left > right) break;
      const swapped = workspace[left] ?? 0;
      workspace[left++] = workspace[right] ?? 0;
      workspace[right--] = swapped;
    }
    if (k <= right + 1) high = right;
    else if (k > left) low = left;
    else break;
  }
  return workspace[k - 1] ?? 0;
}
