import { expect, test } from "vitest";
import { paddedWindow, planMoves, type RowUse } from "../../src/engine/decode-window.js";

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

test.each([
  ["one row becomes eight", [0, 1], 32, [0, 8]],
  ["that begin at a multiple of four", [7, 8], 32, [4, 12]],
  ["seven that lie around one become eight", [5, 12], 32, [4, 12]],
  ["eight that do not become sixteen that begin at a multiple of eight", [13, 21], 32, [8, 24]],
  ["two around the middle stay few", [15, 17], 32, [12, 20]],
  ["what would end behind the last row ends with it", [9, 11], 13, [5, 13]],
  ["more than the largest power of two is all", [0, 10], 13, [0, 13]],
  ["fewer rows than eight are all", [2, 3], 7, [0, 7]],
  ["so is the only row", [0, 1], 1, [0, 1]],
] as const)("a padded window: %s", (_, [start, end], rows, [first, last]) => {
  expect(paddedWindow({ start, end }, rows)).toEqual({ start: first, end: last });
});

/** Every window that some rows of `rows` need, and the padded one that stands for it. */
function allWindows(rows: number) {
  const starts = Array.from({ length: rows }, (_, start) => start);
  const needed = starts.flatMap((start) =>
    starts.slice(start).map((last) => ({ start, end: last + 1, padded: paddedWindow({ start, end: last + 1 }, rows) })),
  );
  return { needed, kinds: new Set(needed.map(({ padded }) => `${padded.start} ${padded.end}`)).size };
}

test.each([1, 2, 7, 8, 9, 32, 40])(
  "padded windows of %i rows hold what they stand for, in less than four times",
  (rows) => {
    const { needed } = allWindows(rows);
    const isRight = ({ start, end, padded }: (typeof needed)[number]): boolean => {
      const holds = padded.start >= 0 && padded.start <= start && padded.end >= end && padded.end <= rows;
      return holds && padded.end - padded.start <= Math.max(8, 4 * (end - start) - 1);
    };
    expect(needed.filter((window) => !isRight(window))).toEqual([]);
  },
);

test("of 256 rows there are 120 padded windows, of 32,896", () => {
  const { needed, kinds } = allWindows(256);
  expect([needed.length, kinds]).toEqual([32_896, 120]);
});
