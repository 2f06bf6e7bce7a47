/** Lengths of the endings that are looked up, the longest first. */
const endingLengths = [3, 2] as const;

/**
 * Guesses how a text goes on from how it went on before: where its last tokens stood earlier, what followed them there
 * (prompt lookup decoding, https://github.com/apoorvumang/prompt-lookup-decoding). Costs a few map look-ups a token.
 */
export class PromptLookup {
  /** For each length, an ending to the position behind its latest occurrence but the one at the very end. */
  readonly #positions = endingLengths.map(() => new Map<number, number>());
  /** Tokens [0, indexed) can be found. */
  #indexed = 0;

  /**
   * @param tokenIds the sequence's, which may grow.
   * @param vocabularySize more than every id; its cube must be a safe integer.
   */
  constructor(
    private readonly tokenIds: readonly number[],
    private readonly vocabularySize: number,
  ) {}

  /** `limit` tokens that may come next; none when the ending is new. */
  draft(limit: number): readonly number[] {
    this.#index();
    for (const [i, length] of endingLengths.entries()) {
      const position = this.#positions[i]?.get(this.#endingAt(this.tokenIds.length, length));
      if (position !== undefined) return this.#from(position, limit);
    }
    return [];
  }

  /** What lies beyond the end is guessed to follow from the guess: a text that goes round in a circle goes on so. */
  #from(position: number, limit: number): number[] {
    const draft = this.tokenIds.slice(position, position + limit);
    const known = draft.length;
    while (draft.length < limit) draft.push(draft[draft.length - known] ?? 0);
    return draft;
  }

  /** The ending at the very end is left out: it would find itself. */
  #index(): void {
    for (; this.#indexed < this.tokenIds.length; this.#indexed += 1) {
      for (const [i, length] of endingLengths.entries()) {
        if (this.#indexed >= length) this.#positions[i]?.set(this.#endingAt(this.#indexed, length), this.#indexed);
      }
    }
  }

  /** The `length` tokens before `end` as one number. */
  #endingAt(end: number, length: number): number {
    let key = 0;
    for (let i = end - length; i < end; i += 1) key = key * this.vocabularySize + (this.tokenIds[i] ?? 0);
    return key;
  }
}
