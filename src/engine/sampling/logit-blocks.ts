/**
 * A row of logits with the highest of each block, as the graph computes them (`logitBlockLength`): the few tokens that
 * matter are found by looking at the maxima and at the blocks that they name, not at 50,000 logits. The results are
 * those of a look at the whole row.
 */
import { logitBlockLength } from "../../model/index.js";
import { unusableLogits } from "./argmax.js";
import { kthHighest, lowestFinite, lowestTied, quickselect, retainTied, selectLargest } from "./select-largest.js";

export interface BlockedLogits {
  readonly row: Float32Array;
  /**
   * One for each block of the row; NaN is passed over. A block without a finite logit has the lowest float32. Empty where
   * the graph computes none: the row is searched as a whole.
   */
  readonly maxima: Float32Array;
}

/** Id of the highest logit, the lowest id on ties. Of a row that is NaN altogether it is an id whose logit is NaN. */
export function highestToken({ row, maxima }: BlockedLogits): number {
  let best = -Infinity;
  let block = 0;
  for (let i = 0; i < maxima.length; i += 1) {
    const maximum = maxima[i] ?? 0;
    if (maximum <= best) continue;
    best = maximum;
    block = i;
  }
  const start = block * logitBlockLength;
  const within = row.subarray(start, start + logitBlockLength).indexOf(best);
  return within === -1 ? start : start + within;
}

/** Brings the maxima up to date after the logits of `ids` were changed. */
export function refreshMaxima(logits: BlockedLogits, ids: Iterable<number>): void {
  if (logits.maxima.length === 0) return;
  for (const id of ids) findMaximum(logits, Math.floor(id / logitBlockLength));
}

/** The maximum of every block, where the graph computed none. */
export function findMaxima(logits: BlockedLogits): void {
  for (let block = 0; block < logits.maxima.length; block += 1) findMaximum(logits, block);
}

function findMaximum({ row, maxima }: BlockedLogits, block: number): void {
  let maximum = lowestFinite;
  const end = Math.min((block + 1) * logitBlockLength, row.length);
  for (let i = block * logitBlockLength; i < end; i += 1) {
    const logit = row[i] ?? 0;
    if (logit > maximum) maximum = logit; // false for NaN
  }
  maxima[block] = maximum;
}

/**
 * `selectLargest` over the row. The k-th highest of the maxima is a logit, and at least k logits reach it: what is below
 * cannot be among the k highest, nor can a block whose maximum is.
 * @throws {InternalError} when a logit that is looked at is NaN or +infinity, or all are NaN or -infinity.
 */
export function selectLargestInBlocks(
  { row, maxima }: BlockedLogits,
  k: number,
  temperature: number,
  selected: Int32Array,
  workspace: Float32Array,
): number {
  if (maxima.length <= k) return selectLargest(row, row.length, k, temperature, selected, workspace);
  workspace.set(maxima);
  const floor = lowestTied(quickselect(workspace, maxima.length, k), temperature);
  let count = 0;
  for (let block = 0; block < maxima.length; block += 1) {
    if ((maxima[block] ?? 0) < floor) continue;
    const end = Math.min((block + 1) * logitBlockLength, row.length);
    for (let id = block * logitBlockLength; id < end; id += 1) {
      const logit = row[id] ?? 0;
      if (logit < floor) continue; // false for NaN
      if (!(logit < Infinity)) throw unusableLogits();
      selected[count++] = id;
    }
  }
  if (count === 0) throw unusableLogits();
  if (count <= k) return count;
  return retainTied(row, selected, count, kthHighest(row, selected, count, k, workspace), temperature);
}
