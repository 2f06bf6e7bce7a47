/**
 * The rows that decode covers: which sequences change rows so that they are dense, and how they are filled up to one of
 * a few windows where each window that is run costs something of its own.
 */

/** A row of the KV cache: free; in the use of a sequence that stays (prefilling, or new); or of one that may move. */
export type RowUse = "free" | "stays" | { readonly cachedTokens: number };

/** The rows [start, end). */
export interface Window {
  readonly start: number;
  readonly end: number;
}

/** A GPU takes hardly longer for so many rows than for one: it reads the same weights. */
const shortestPadded = 8;

/**
 * The window that stands for `needed` where few different ones are to occur, of `rows` rows. Its length is a power of
 * two and at least 8, or all rows; it starts at a multiple of half of that, or ends with the last row.
 *
 * 256 rows have 120 such windows, and 32,896 of any kind. With starts at multiples of the whole length they would be 63,
 * but two sequences to either side of row 128 would take all rows: here no window beyond the shortest has four times the
 * rows that are needed.
 */
export function paddedWindow({ start, end }: Window, rows: number): Window {
  for (let length = shortestPadded; length < rows; length *= 2) {
    const first = Math.min(start - (start % (length / 2)), rows - length);
    if (end <= first + length) return { start: first, end: first + length };
  }
  return { start: 0, end: rows };
}

/**
 * The moves after which no free row is left between the running sequences and those that stay, with the fewest
 * tokens to copy. Sources are taken from the lowest, and so are the holes that they fill.
 */
export function planMoves(rows: readonly RowUse[]): { readonly from: number; readonly to: number }[] {
  const used = [...rows.keys()].filter((row) => rows[row] !== "free");
  if (used.length === 0 || (used.at(-1) ?? 0) - (used[0] ?? 0) < used.length) return []; // no hole
  const { start, end } = cheapestWindow(rows, used);
  const sources = used.filter((row) => isOutside(row, { start, end }));
  const holes = [...rows.keys()].filter((row) => rows[row] === "free" && !isOutside(row, { start, end }));
  return sources.flatMap((from, index) => {
    const to = holes[index];
    return to === undefined ? [] : [{ from, to }];
  });
}

/** Of the windows that have room for all rows in use and hold all that stay, the first with the least to copy. */
function cheapestWindow(rows: readonly RowUse[], used: readonly number[]): Window {
  const staying = used.filter((row) => rows[row] === "stays");
  const firstStaying = staying[0] ?? rows.length;
  const lastStaying = staying.at(-1) ?? -1;
  const size = Math.max(used.length, lastStaying - firstStaying + 1);
  let best: Window = { start: 0, end: rows.length };
  let least = Infinity;
  for (
    let start = Math.max(0, lastStaying - size + 1);
    start + size <= rows.length && start <= firstStaying;
    start += 1
  ) {
    const window = { start, end: start + size };
    const cost = tokensOutside(rows, window);
    if (cost < least) [best, least] = [window, cost];
  }
  return best;
}

function tokensOutside(rows: readonly RowUse[], window: Window): number {
  return rows.reduce((sum, use, row) => {
    return typeof use === "object" && isOutside(row, window) ? sum + use.cachedTokens : sum;
  }, 0);
}

function isOutside(row: number, { start, end }: Window): boolean {
  return row < start || row >= end;
}
