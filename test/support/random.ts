/**
 * A small seeded generator for randomised tests: the same seed gives the same run on every machine.
 * Mulberry32 (Tommy Ettinger, public domain): 32 bits of state, good enough to choose test cases.
 */
export class Random {
  #state: number;

  constructor(readonly seed: number) {
    this.#state = seed | 0;
  }

  /** Uniform in [0, 1). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  /** An integer, uniform in [start, end). */
  integer(start: number, end: number): number {
    return start + Math.floor(this.next() * (end - start));
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  /** One element; undefined of an empty list. */
  pick<T>(list: readonly T[]): T | undefined {
    return list[this.integer(0, list.length)];
  }
}
