import { expect, test } from "vitest";
import { LogitComparison, RecordedLogits } from "../../../src/model/evaluation/logit-difference.js";

const rowBytes = 3 * Float32Array.BYTES_PER_ELEMENT;

function recorded(rows: readonly number[][], maxBytes = 1000): RecordedLogits {
  const logits = new RecordedLogits(maxBytes);
  for (const row of rows) logits.add(Float32Array.from(row));
  return logits;
}

function compare(reference: RecordedLogits, rows: readonly number[][]): unknown {
  const comparison = new LogitComparison(reference);
  for (const row of rows) comparison.add(Float32Array.from(row));
  return comparison.result();
}

const reference = [
  [0, 1, 2],
  [5, 4, -8],
];

test("max and mean are over all logits of all rows; the best token counts once a row", () => {
  const other = [
    [0, 3, 2], // another best token
    [5, 4, -4],
  ];
  expect(compare(recorded(reference), other)).toEqual({ max: 4, mean: 6 / 6, sameBest: 1 / 2 });
});

test("the same logits have no distance", () => {
  expect(compare(recorded(reference), reference)).toEqual({ max: 0, mean: 0, sameBest: 1 });
});

test("of a reference that does not fit, the beginning is kept and compared", () => {
  const kept = recorded([...reference, [9, 9, 9]], 2 * rowBytes + 1);
  expect(kept.rows).toHaveLength(2);
  expect(compare(kept, [...reference, [0, 0, 0]])).toEqual({ max: 0, mean: 0, sameBest: 1 });
});

test("rows are copied: what a run overwrites afterwards stays as it was", () => {
  const row = Float32Array.of(1, 2, 3);
  const kept = new RecordedLogits(rowBytes);
  kept.add(row);
  row.fill(0);
  expect(kept.rows).toEqual([Float32Array.of(1, 2, 3)]);
});

test("a logit that is not a number is seen", () => {
  expect(compare(recorded(reference), [[0, NaN, 2]])).toMatchObject({ max: NaN, mean: NaN });
});
