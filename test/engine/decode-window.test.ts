import { expect, test } from "vitest";
import { planMoves, type RowUse } from "../../src/engine/decode-window.js";

/** `.` free, `x` stays, a digit: a sequence that may move and has so many tokens in the cache. */
function movesOf(rows: string): string {
  const uses = Array.from(rows, (row): RowUse =>
    row === "." ? "free" : row === "x" ? "stays" : { cachedTokens: Number(row) },
  );
  return planMoves(uses)
    .map(({ from, to }) => `${from}>${to}`)
    .join(" ");
}

test.each([
  ["....", "nothing runs"],
  [".11.", "no row between two is free"],
  ["...1", "one is alone, wherever it is"],
  ["1x1", "what is between two stays"],
])("nothing moves in %s: %s", (rows) => {
  expect(movesOf(rows)).toBe("");
});

test.each([
  ["1.9", "0>1"],
  ["9.1", "2>1"],
  ["1.1", "2>1"],
  ["9..99", "0>2"],
  ["99..9", "4>2"],
  ["1.1.1.", "4>1"],
  ["1...11.1", "0>6"],
  ["4.4..9..", "0>3 2>4"],
])("in %s the sequences move that have least to copy: %s", (rows, moves) => {
  expect(movesOf(rows)).toBe(moves);
});

test.each([
  ["9..x", "0>2"],
  ["x..9", "3>1"],
  ["1.x.1", "4>1"],
  ["x..x.9", "5>1"],
])("in %s the window is around those that stay: %s", (rows, moves) => {
  expect(movesOf(rows)).toBe(moves);
});
