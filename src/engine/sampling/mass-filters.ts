/**
 * Top-p and typical-p: each gives every candidate a key and keeps those with the lowest keys that together reach a
 * share of the probability. The reference sorts the vocabulary for it; here a histogram finds the narrow range of
 * keys in which the share is reached, what lies beyond is dropped, and only that range is put in order.
 */
import type { Candidates } from "./candidates.js";
import { heapify, siftDown } from "./position-heap.js";

/**
 * Keeps the most probable candidates that together have probability `topP`, at least one. On a tie at the
 * border the higher ids stay, as the reference removes from the front of an ascending, stable sort.
 */
export function keepTopP(candidates: Candidates, topP: number): void {
  const goal = topP * candidates.totalWeight;
  // All n candidates with a weight below 1/n of what may be dropped can be dropped together, whatever the others are.
  candidates.retainWeights((candidates.totalWeight - goal) / candidates.count);
  const { keys, scores, count } = candidates;
  for (let i = 0; i < count; i++) keys[i] = -(scores[i] ?? 0);
  const last = positionReaching(goal, candidates);
  candidates.retainKeys(keys[last] ?? 0, last);
}

/**
 * Keeps the candidates whose surprise, -log p, is nearest to its mean (the entropy) and that together have
 * probability `typicalP`, with all that are tied with the last (Meister et al., arXiv:2202.00666).
 */
export function keepTypicalP(candidates: Candidates, typicalP: number): void {
  const { keys, scores, weights, count, totalWeight } = candidates;
  // -log p is a constant minus the score, so the distance from the entropy is that from the mean score.
  let weighted = 0;
  for (let i = 0; i < count; i++) {
    const weight = weights[i] ?? 0;
    if (weight > 0) weighted += weight * (scores[i] ?? 0); // 0 times -infinity is not 0
  }
  const meanScore = weighted / totalWeight;
  for (let i = 0; i < count; i++) keys[i] = Math.abs((scores[i] ?? 0) - meanScore);
  const last = positionReaching(typicalP * totalWeight, candidates);
  candidates.retainKeys(keys[last] ?? 0, 0);
}

const bucketCount = 2048;
const bucketMass = new Float64Array(bucketCount);

/** Keys more than this above the lowest share the last bucket. They are in nats, so next to no mass is there. */
const histogramRange = 32;

/**
 * The position of the candidate with which the mass, added up from the lowest key, reaches `goal`.
 * Of equal keys the higher position comes first.
 */
function positionReaching(goal: number, candidates: Candidates): number {
  const { keys, count, selected } = candidates;
  const { lowest, highest } = rangeOf(candidates);
  const range = Math.min(highest - lowest, histogramRange);
  const bucketsPerUnit = range > 0 ? bucketCount / range : 0;
  fillHistogram(candidates, lowest, bucketsPerUnit);

  // The last bucket holds the highest key, so there is a position even if rounding leaves the mass short of the goal.
  let bucket = 0;
  let before = 0;
  while (bucket < bucketCount - 1 && before + (bucketMass[bucket] ?? 0) < goal) before += bucketMass[bucket++] ?? 0;

  let size = 0;
  for (let i = 0; i < count; i++) {
    if (bucketOf((keys[i] ?? 0) - lowest, bucketsPerUnit) === bucket) selected[size++] = i;
  }
  return popUntil(goal - before, candidates, size);
}

function rangeOf({ keys, count }: Candidates): { lowest: number; highest: number } {
  let lowestAt = 0;
  let highestAt = 0;
  let lowest = Infinity;
  let highest = -Infinity;
  for (let i = 0; i < count; i++) {
    const key = keys[i] ?? 0;
    if (key < lowest) {
      lowest = key;
      lowestAt = i;
    }
    if (key > highest) {
      highest = key;
      highestAt = i;
    }
  }
  return { lowest: keys[lowestAt] ?? 0, highest: keys[highestAt] ?? 0 };
}

function fillHistogram({ keys, weights, count }: Candidates, lowest: number, bucketsPerUnit: number): void {
  bucketMass.fill(0);
  for (let i = 0; i < count; i++) {
    const bucket = bucketOf((keys[i] ?? 0) - lowest, bucketsPerUnit);
    bucketMass[bucket] = (bucketMass[bucket] ?? 0) + (weights[i] ?? 0);
  }
}

function bucketOf(distance: number, bucketsPerUnit: number): number {
  const bucket = distance * bucketsPerUnit;
  return bucket < bucketCount ? bucket | 0 : bucketCount - 1;
}

/** Takes positions off `selected[0, size)` in order until their mass reaches `goal`. @returns the last one taken. */
function popUntil(goal: number, { keys, weights, selected }: Candidates, size: number): number {
  heapify(selected, size, keys);
  let reached = 0;
  for (let left = size; left > 1;) {
    const first = selected[0] ?? 0;
    reached += weights[first] ?? 0;
    if (reached >= goal) return first;
    selected[0] = selected[--left] ?? 0;
    siftDown(selected, left, keys, 0);
  }
  return selected[0] ?? 0;
}
