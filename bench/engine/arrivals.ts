/**
 * When tokens arrived, and the rate that follows. One definition for all variants, from a bare loop to gRPC clients,
 * so that their rates measure the same thing: decoding with every sequence in the batch.
 *
 * The steady window begins when the last sequence has its second token, which is the first that a decode step gave
 * it (its first token comes from its prefill), and ends when the first sequence has its last token. In between every
 * step decodes one token for each sequence. The rate is the sum of the sequences' rates, each over the whole steps
 * between its own first and last arrival in the window: counting arrivals in the window would be off by up to a step
 * at either end.
 */
import { performance } from "node:perf_hooks";
import { HarnessError } from "../errors.js";

/** The sequence had this many tokens, this long after the run began. */
export interface Arrival {
  readonly ms: number;
  readonly tokens: number;
}

/** One list for each sequence, in order of time. */
export type Arrivals = readonly (readonly Arrival[])[];

/** Told as the steady window opens and closes. */
export interface WindowObserver {
  opened(): void;
  closed(): void;
}

/** Collects the arrivals of one run. */
export class ArrivalLog {
  readonly #start = performance.now();
  readonly #arrivals: readonly Arrival[][];
  #decoding = 0;
  #isClosed = false;

  constructor(
    sequences: number,
    private readonly newTokens: number,
    private readonly observer?: WindowObserver,
  ) {
    this.#arrivals = Array.from({ length: sequences }, () => []);
  }

  record(sequence: number, tokens: number): void {
    const arrivals = this.#arrivals[sequence];
    if (arrivals === undefined) throw new HarnessError(`a token of sequence ${sequence}, which does not exist`);
    const before = arrivals.at(-1)?.tokens ?? 0;
    arrivals.push({ ms: performance.now() - this.#start, tokens });
    if (before < 2 && tokens >= 2 && ++this.#decoding === this.#arrivals.length) this.observer?.opened();
    if (tokens < this.newTokens || this.#isClosed) return;
    this.#isClosed = true;
    this.observer?.closed();
  }

  /** @throws {HarnessError} when a sequence has not had exactly the tokens it was to have. */
  finish(): Arrivals {
    for (const arrivals of this.#arrivals) {
      const tokens = arrivals.at(-1)?.tokens ?? 0;
      if (tokens !== this.newTokens)
        throw new HarnessError(`a sequence ended with ${tokens} of ${this.newTokens} tokens`);
    }
    return this.#arrivals;
  }
}

/** Tokens a second of all sequences in the steady window; undefined when the sequences were never all in it. */
export function steadyRate(arrivals: Arrivals): number | undefined {
  const start = Math.max(...arrivals.map((list) => list.find(({ tokens }) => tokens >= 2)?.ms ?? Infinity));
  const end = Math.min(...arrivals.map((list) => list.at(-1)?.ms ?? -Infinity));
  const rates = arrivals.map((list) => rateBetween(list, start, end));
  return rates.every((rate) => rate !== undefined) ? rates.reduce((sum, rate) => sum + rate, 0) : undefined;
}

function rateBetween(list: readonly Arrival[], start: number, end: number): number | undefined {
  const inside = list.filter(({ ms }) => ms >= start && ms <= end);
  const first = inside[0];
  const last = inside.at(-1);
  if (first === undefined || last === undefined || last.ms <= first.ms) return undefined;
  return (1000 * (last.tokens - first.tokens)) / (last.ms - first.ms);
}

/** @throws {HarnessError} when the run had no sequence, or its first had no token. */
export function firstTokenMs(arrivals: Arrivals): number {
  const first = arrivals[0]?.[0];
  if (first === undefined) throw new HarnessError("there is no first token");
  return first.ms;
}
