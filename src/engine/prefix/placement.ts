/**
 * Where the new sequences of one step go, and what they find there.
 *
 * Decode covers a contiguous window of rows, so a new sequence takes a free row inside the window of those that have
 * an owner, or one of the two beside it; where nothing runs, any. Among these it takes the one that already holds the
 * longest prefix of its prompt (nothing is copied then), else the one written longest ago, into which the prefix is
 * copied from the row that holds it: free or running, because what a prefill wrote never changes while its row has an
 * owner.
 */
import type { PrefixMatch } from "./prefix-tree.js";
import type { RowContents } from "./row-contents.js";

/** K and V of [0, tokens) are copied from one row to another, which has no owner. */
export interface RowCopy {
  readonly from: number;
  readonly to: number;
  readonly tokens: number;
}

/** Row for a new sequence, of whose prompt it will hold [0, cachedTokens) before the first chunk. */
export interface Place {
  readonly slot: number;
  readonly cachedTokens: number;
}

/** A shorter prefix is not worth a copy and a shorter chunk. */
export const minPrefixTokens = 16;

/** The plan of one step; what it says of the rows is the state before the step. */
export class Placement {
  /** In this order, before anything else of the step runs. */
  readonly copies: RowCopy[] = [];
  /** Rows that have an owner, or are given one in this step. */
  readonly #occupied: Set<number>;

  /**
   * @param owned The rows that have an owner.
   * @param retainedTokens Tokens that rows without an owner may hold before rows that hold nothing are left alone.
   */
  constructor(
    owned: Iterable<number>,
    private readonly slots: number,
    private readonly contents: RowContents,
    private readonly retainedTokens: number,
  ) {
    this.#occupied = new Set(owned);
  }

  /** Undefined when every row has an owner. */
  place(promptTokenIds: readonly number[], mayReusePrefix: boolean): Place | undefined {
    const candidates = this.#candidates();
    const match = mayReusePrefix ? this.#usableMatch(promptTokenIds) : undefined;
    const inPlace = candidates.find((row) => match?.rows.has(row) === true && !this.#isOverwritten(row));
    const slot = inPlace ?? this.#leastUseful(candidates);
    if (slot === undefined) return undefined;
    this.#occupied.add(slot);
    if (inPlace !== undefined) return { slot, cachedTokens: match?.length ?? 0 };
    return { slot, cachedTokens: this.#copyTo(slot, match) };
  }

  /** Gives free rows to sequences that move, and copies what is worth keeping of theirs to rows that stay free. */
  giveAway(rows: readonly number[]): void {
    for (const row of rows) this.#occupied.add(row);
    for (const row of rows) this.#rescue(row);
  }

  #rescue(row: number): void {
    const tokens = this.contents.lengthOf(row);
    if (tokens < minPrefixTokens || this.contents.isElsewhere(row)) return;
    const to = this.#leastUseful(this.#free().filter((free) => !this.#isOverwritten(free)));
    if (to !== undefined) this.copies.push({ from: row, to, tokens });
  }

  /** At least one token of the prompt must be left to prefill: its logits are wanted. */
  #usableMatch(promptTokenIds: readonly number[]): PrefixMatch | undefined {
    const match = this.contents.match(promptTokenIds);
    if (match === undefined) return undefined;
    const length = Math.min(match.length, promptTokenIds.length - 1);
    return length < minPrefixTokens ? undefined : { length, rows: match.rows };
  }

  /** @returns how many tokens are copied. */
  #copyTo(to: number, match: PrefixMatch | undefined): number {
    if (match === undefined) return 0;
    const from = [...match.rows].find((row) => !this.#isOverwritten(row));
    if (from === undefined) return 0;
    this.copies.push({ from, to, tokens: match.length });
    return match.length;
  }

  /** A copy of this step writes it. (Chunks and moves run later: what they write is still to be read.) */
  #isOverwritten(row: number): boolean {
    return this.copies.some(({ to }) => to === row);
  }

  #candidates(): number[] {
    const free = this.#free();
    if (this.#occupied.size === 0) return free;
    const low = Math.min(...this.#occupied);
    const high = Math.max(...this.#occupied);
    const holes = free.filter((row) => row > low && row < high);
    return holes.length > 0 ? holes : free.filter((row) => row === low - 1 || row === high + 1);
  }

  #free(): number[] {
    return Array.from({ length: this.slots }, (_, row) => row).filter((row) => !this.#occupied.has(row));
  }

  /** Rows that hold nothing come first, as long as those that hold something may grow in number. */
  #leastUseful(rows: readonly number[]): number | undefined {
    const holding = rows.filter((row) => this.contents.lengthOf(row) > 0);
    const isFull = this.#retained() >= this.retainedTokens;
    return this.contents.oldest(isFull && holding.length > 0 ? holding : rows);
  }

  #retained(): number {
    return this.#free().reduce((sum, row) => sum + this.contents.lengthOf(row), 0);
  }
}
