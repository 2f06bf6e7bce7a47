import { PrefixTree, type PrefixMatch } from "./prefix-tree.js";

/**
 * What the rows of the KV cache hold, whether they have an owner or not: the tokens at [0, length) that a new prompt
 * may begin with. A row that is not listed holds nothing of use.
 */
export class RowContents {
  readonly #tokens = new Map<number, readonly number[]>();
  readonly #tree = new PrefixTree();
  /** When each row was last written, in changes of this object. */
  readonly #written = new Map<number, number>();
  #changes = 0;

  /** Tokens that a row holds. */
  lengthOf(row: number): number {
    return this.#tokens.get(row)?.length ?? 0;
  }

  /** The row was written: it holds these tokens from its beginning. */
  set(row: number, tokens: readonly number[]): void {
    this.#tree.remove(row, this.#tokens.get(row) ?? []);
    this.#tokens.set(row, tokens);
    this.#tree.insert(row, tokens);
    this.#written.set(row, (this.#changes += 1));
  }

  /** The first `length` tokens of one row were copied to another. */
  copy(from: number, to: number, length: number): void {
    this.set(to, this.#tokens.get(from)?.slice(0, length) ?? []);
  }

  /** Rows that share the longest prefix with `tokens`. */
  match(tokens: readonly number[]): PrefixMatch | undefined {
    return this.#tree.longestMatch(tokens);
  }

  /** Whether another row holds all that this one does. */
  isElsewhere(row: number): boolean {
    const tokens = this.#tokens.get(row) ?? [];
    const match = this.match(tokens);
    return match === undefined || (match.length === tokens.length && match.rows.size > 1);
  }

  /** Of `rows`, not empty, the one whose contents were written longest ago. */
  oldest(rows: readonly number[]): number | undefined {
    const age = (row: number): number => this.#written.get(row) ?? 0;
    return rows.reduce<number | undefined>(
      (best, row) => (best === undefined || age(row) < age(best) ? row : best),
      undefined,
    );
  }

  clear(): void {
    this.#tokens.clear();
    this.#tree.clear();
  }
}
