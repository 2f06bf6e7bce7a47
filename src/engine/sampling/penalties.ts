/**
 * The logits processors that change single tokens, in the order in which the reference applies them: the
 * end-of-text tokens are held off or pushed up first, then the repetition penalty sees the result, and what OpenAI
 * adds comes last. All work in place and round to float32 where the reference does.
 */
import type { LengthPenalty } from "../request.js";

/**
 * Penalties may not push a score beyond this, so that it stays finite after division by the smallest
 * temperature. As a logit it is certainty all the same.
 */
const highestScore = 1e30;

/** Makes the tokens impossible. */
export function suppress(row: Float32Array, tokenIds: Iterable<number>): void {
  for (const id of tokenIds) row[id] = -Infinity;
}

/** Raises each end-of-text logit by its magnitude times `decayFactor ^ excess - 1`; `excess` tokens are over the start. */
export function penaliseLength(
  row: Float32Array,
  eosTokenIds: Iterable<number>,
  { decayFactor }: LengthPenalty,
  excess: number,
): void {
  const factor = bounded(decayFactor ** excess - 1);
  for (const id of eosTokenIds) {
    const logit = row[id] ?? -Infinity;
    if (logit !== -Infinity) row[id] = bounded(logit + Math.fround(Math.abs(logit) * factor));
  }
}

/** Makes each token of the context less likely, once however often it occurs: above 1 lowers, below 1 raises. */
export function penaliseRepetition(row: Float32Array, contextTokenIds: Iterable<number>, penalty: number): void {
  const divisor = Math.fround(penalty);
  for (const id of contextTokenIds) {
    const logit = row[id] ?? -Infinity;
    if (logit !== -Infinity) row[id] = bounded(logit < 0 ? logit * divisor : logit / divisor);
  }
}

/** Makes each token of the completion less likely: by `frequency` for each time it occurred, and by `presence` once. */
export function penaliseOccurrences(
  row: Float32Array,
  counts: ReadonlyMap<number, number>,
  frequency: number,
  presence: number,
): void {
  for (const [id, count] of counts) add(row, id, -(count * frequency + presence));
}

/** Adds what the request asks for to the logits of single tokens. */
export function addBias(row: Float32Array, bias: ReadonlyMap<number, number>): void {
  for (const [id, added] of bias) add(row, id, added);
}

/** An impossible token stays impossible. */
function add(row: Float32Array, id: number, added: number): void {
  const logit = row[id] ?? -Infinity;
  if (logit !== -Infinity) row[id] = bounded(logit + added);
}

/** In float32; NaN stays NaN. */
const bounded = (score: number): number => Math.fround(Math.max(-highestScore, Math.min(highestScore, score)));
