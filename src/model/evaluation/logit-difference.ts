/** How far logits are from a reference's. */
export interface LogitDifference {
  /** The greatest distance of two logits. */
  readonly max: number;
  /** The mean distance of two logits. */
  readonly mean: number;
  /** Share of the rows, in [0, 1], in which the same token has the highest logit: what greedy decoding takes. */
  readonly sameBest: number;
}

/** Rows of logits [vocabulary] in the order of the text, as many from its beginning as fit. */
export class RecordedLogits {
  readonly #rows: Float32Array[] = [];
  #freeBytes: number;

  constructor(maxBytes: number) {
    this.#freeBytes = maxBytes;
  }

  get rows(): readonly Float32Array[] {
    return this.#rows;
  }

  /** Copies the row; from the first one on that does not fit, none is kept. */
  add(logits: Float32Array): void {
    this.#freeBytes -= logits.byteLength;
    if (this.#freeBytes >= 0) this.#rows.push(logits.slice());
  }
}

/** Compares rows with recorded ones, in the same order; what was not recorded is passed over. */
export class LogitComparison {
  #seen = 0;
  #max = 0;
  #sum = 0;
  #count = 0;
  #sameBest = 0;

  constructor(private readonly reference: RecordedLogits) {}

  add(logits: Float32Array): void {
    const expected = this.reference.rows[this.#seen];
    if (expected === undefined) return;
    this.#seen += 1;
    for (let id = 0; id < logits.length; id += 1) {
      const distance = Math.abs((logits[id] ?? NaN) - (expected[id] ?? NaN));
      this.#max = Math.max(this.#max, distance);
      this.#sum += distance;
    }
    this.#count += logits.length;
    if (indexOfHighest(logits) === indexOfHighest(expected)) this.#sameBest += 1;
  }

  result(): LogitDifference {
    return { max: this.#max, mean: this.#sum / this.#count, sameBest: this.#sameBest / this.#seen };
  }
}

/** The lowest of equals. */
function indexOfHighest(logits: Float32Array): number {
  return logits.reduce((best, logit, id) => (logit > (logits[best] ?? NaN) ? id : best), 0);
}
