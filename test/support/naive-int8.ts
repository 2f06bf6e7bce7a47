/** int8 products written down number by number, rounded to float32 where the graph rounds. */
import type { NaiveProduct, Vector } from "./naive-gpt2.js";

interface Codes {
  readonly codes: Vector;
  readonly scale: number;
}

const step = Math.fround(1 / 127);

/** The row scaled to its largest number and rounded to whole steps; of zeros, zeros. */
function activationCodes(row: Vector): Codes {
  const scale = Math.fround(largestOf(row) * step);
  return { scale, codes: row.map((value) => (scale === 0 ? 0 : roundToEven(Math.fround(Math.fround(value) / scale)))) };
}

/** As a weight's column is quantised: by the inverse of its scale, which rounds on its own. */
function weightCodes(column: Vector): Codes {
  const largest = largestOf(column);
  const inverse = Math.fround(127 / largest);
  const codes = column.map((value) => (largest === 0 ? 0 : roundToEven(Math.fround(value * inverse))));
  return { scale: Math.fround(largest * step), codes };
}

/** Weights are fixed: each column's codes are found once. */
const known = new WeakMap<readonly Vector[], readonly Codes[]>();

function columnCodes(columns: readonly Vector[]): readonly Codes[] {
  const found = known.get(columns) ?? columns.map(weightCodes);
  known.set(columns, found);
  return found;
}

/** Row by column: whole sums of codes, then the column's scale, then the row's. */
export const int8Product: NaiveProduct = (row, columns) => {
  const { codes, scale } = activationCodes(row);
  return columnCodes(columns).map((column) => {
    const sum = codes.reduce((running, code, index) => running + code * (column.codes[index] ?? NaN), 0);
    return Math.fround(Math.fround(sum * column.scale) * scale);
  });
};

function largestOf(vector: Vector): number {
  return vector.reduce((largest, value) => Math.max(largest, Math.abs(Math.fround(value))), 0);
}

function roundToEven(value: number): number {
  const rounded = Math.round(value);
  return Math.abs(value % 1) === 0.5 ? 2 * Math.round(value / 2) : rounded;
}
