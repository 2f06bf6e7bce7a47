import { unusableLogits } from "./argmax.js";
import { expOfMinus } from "./exp.js";
import { selectLargestInBlocks, type BlockedLogits } from "./logit-blocks.js";
import { countHighest, type TopLogits } from "./top-logits.js";

/** Tokens with their scores, in ascending order of id: entries [0, count) of both arrays. */
export interface ScoredTokens {
  readonly ids: Int32Array;
  readonly scores: Float32Array;
  readonly count: number;
}

/**
 * The tokens that may still be chosen, with processed scores and softmax weights. What a filter of the
 * reference sets to -infinity is dropped here, so the steps after it touch only what is left.
 *
 * One object serves all sequences of a model, one after the other: nothing is allocated for a token.
 */
export class Candidates implements ScoredTokens {
  readonly ids: Int32Array;
  readonly scores: Float32Array;
  /** e^(score - highest score when they were taken). */
  readonly weights: Float64Array;
  count = 0;
  /** Sum of the weights, added up in ascending order of id. */
  totalWeight = 0;

  /** Numbers that a filter wants to keep for each candidate. */
  readonly keys: Float32Array;
  /** Positions that a selection picks. */
  readonly selected: Int32Array;
  readonly workspace: Float32Array;
  readonly #everyId: Int32Array;

  constructor(readonly vocabularySize: number) {
    this.ids = new Int32Array(vocabularySize);
    this.scores = new Float32Array(vocabularySize);
    this.weights = new Float64Array(vocabularySize);
    this.keys = new Float32Array(vocabularySize);
    this.selected = new Int32Array(vocabularySize);
    this.workspace = new Float32Array(vocabularySize);
    this.#everyId = Int32Array.from({ length: vocabularySize }, (_, id) => id);
  }

  /** A row of logits as scored tokens, where it lies. */
  wholeRow(row: Float32Array): ScoredTokens {
    return { ids: this.#everyId, scores: row, count: row.length };
  }

  /**
   * Takes every token of the row, its logit divided by `temperature` in float32. Impossible ones (-infinity) come
   * along with weight 0.
   * @throws {InternalError} when a logit is NaN or +infinity, or all are -infinity.
   */
  takeAll(row: Float32Array, temperature: number): void {
    const { scores } = this;
    let highest = -Infinity;
    for (let id = 0; id < row.length; id++) {
      const score = Math.fround((row[id] ?? 0) / temperature);
      scores[id] = score;
      if (score <= highest) continue; // false for NaN too
      if (!(score < Infinity)) throw unusableLogits();
      highest = score;
    }
    if (highest === -Infinity) throw unusableLogits();
    this.ids.set(this.#everyId);
    this.#weigh(row.length, highest);
  }

  /** The same for the `k` highest only, and those that are tied with the k-th once divided. */
  takeHighest(logits: BlockedLogits, k: number, temperature: number): void {
    const { row } = logits;
    const count = selectLargestInBlocks(logits, k, temperature, this.ids, this.workspace);
    let highest = -Infinity;
    for (let i = 0; i < count; i++) {
      const score = Math.fround((row[this.ids[i] ?? 0] ?? 0) / temperature);
      this.scores[i] = score;
      if (score > highest) highest = score;
    }
    this.#weigh(count, highest);
  }

  /** The same from the highest logits of a row. @returns false, and takes nothing, when more may be tied than these. */
  takeFromTop(top: TopLogits, k: number, temperature: number): boolean {
    const count = countHighest(top, k, temperature, this.vocabularySize);
    if (count === undefined) return false;
    for (let i = 0; i < count; i++) {
      const id = top.ids[i] ?? 0;
      const score = Math.fround((top.logits[i] ?? 0) / temperature);
      let place = i; // insertion by id: few are taken
      for (; place > 0 && (this.ids[place - 1] ?? 0) > id; place--) this.#move(place - 1, place);
      this.ids[place] = id;
      this.scores[place] = score;
    }
    this.#weigh(count, Math.fround((top.logits[0] ?? 0) / temperature));
    return true;
  }

  /** Keeps the candidates whose weight is at least `minimum`. */
  retainWeights(minimum: number): void {
    const { weights, count } = this;
    let kept = 0;
    for (let i = 0; i < count; i++) if ((weights[i] ?? 0) >= minimum) this.#move(i, kept++);
    this.#shrink(kept);
  }

  /** Keeps a candidate when its key is below `lastKey`, or equals it and its position is at least `fromPosition`. */
  retainKeys(lastKey: number, fromPosition: number): void {
    const { keys, count } = this;
    let kept = 0;
    for (let i = 0; i < count; i++) {
      const key = keys[i] ?? 0;
      if (key < lastKey || (key === lastKey && i >= fromPosition)) this.#move(i, kept++);
    }
    this.#shrink(kept);
  }

  /**
   * The position that a uniform number in [0, 1) falls on: the first whose running sum of weights exceeds that
   * part of the total.
   *
   * The reference draws q ~ Exponential(1) for every token and takes the highest p/q. That is the lowest q/p, and
   * q/p ~ Exponential(p): the first of independent exponential arrivals is i with probability p_i / sum(p), which
   * is how often the running sum crosses here. The distribution is the same, with one draw in place of 50,257.
   */
  positionAt(uniform: number): number {
    const { weights, count } = this;
    const target = uniform * this.totalWeight;
    let sum = 0;
    for (let i = 0; i < count; i++) {
      sum += weights[i] ?? 0;
      if (sum > target) return i;
    }
    // Not reached: the sum ends at `totalWeight`, added in the same order, and (1 - 2^-53) of it rounds to less.
    return count - 1;
  }

  #weigh(count: number, highest: number): void {
    const { scores, weights } = this;
    let total = 0;
    for (let i = 0; i < count; i++) {
      const weight = expOfMinus(highest - (scores[i] ?? 0));
      weights[i] = weight;
      total += weight;
    }
    this.count = count;
    this.totalWeight = total;
  }

  #move(from: number, to: number): void {
    this.ids[to] = this.ids[from] ?? 0;
    this.scores[to] = this.scores[from] ?? 0;
    this.weights[to] = this.weights[from] ?? 0;
  }

  #shrink(count: number): void {
    const { weights } = this;
    let total = 0;
    for (let i = 0; i < count; i++) total += weights[i] ?? 0;
    this.count = count;
    this.totalWeight = total;
  }
}
