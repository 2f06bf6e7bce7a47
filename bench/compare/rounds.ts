/** Two servers side by side: interleaved rounds, and what they come to. */
import { setTimeout } from "node:timers/promises";
import { median, summarize, type Summary } from "../stats.js";
import { medianInterval, type Interval } from "./bootstrap.js";

export type Side = "base" | "head";

/** Values by what was measured, with its unit; undefined: it could not be. */
export type Figures = ReadonlyMap<string, number | undefined>;

/** Measures something on one side. Both sides get the same in the same round. */
export type Trial = (side: Side, round: number) => Promise<Figures>;

export interface CompareRow {
  /** What was measured, with its unit. */
  readonly figure: string;
  readonly base: Summary | undefined;
  readonly head: Summary | undefined;
  /** Median over the rounds of head / base. */
  readonly ratio: number | undefined;
  /** 95% confidence of that median. */
  readonly interval: Interval | undefined;
}

/** A figure's values, one a round, by side. */
type Samples = Readonly<Record<Side, (number | undefined)[]>>;

/** Before each trial: the other server's threads still spin for work. */
const settleMs = 100;

/** Each round takes every trial on both sides, one right after the other; who is first changes. Round 0 warms up. */
export async function runRounds(
  trials: readonly Trial[],
  rounds: number,
  progress: (text: string) => void,
): Promise<CompareRow[]> {
  const samples = new Map<string, Samples>();
  for (let round = 0; round <= rounds; round += 1) {
    progress(round === 0 ? "warm-up" : `round ${round} of ${rounds}`);
    for (const trial of trials) {
      for (const side of round % 2 === 0 ? (["base", "head"] as const) : (["head", "base"] as const)) {
        await setTimeout(settleMs);
        const figures = await trial(side, round);
        if (round > 0) addTo(samples, side, figures);
      }
    }
  }
  return [...samples].map(([figure, values]) => toRow(figure, values));
}

function addTo(samples: Map<string, Samples>, side: Side, figures: Figures): void {
  for (const [figure, value] of figures) {
    const known = samples.get(figure) ?? { base: [], head: [] };
    known[side].push(value);
    samples.set(figure, known);
  }
}

function toRow(figure: string, { base, head }: Samples): CompareRow {
  const ratios = head.flatMap((value, round) => {
    const other = base[round];
    return value === undefined || other === undefined ? [] : [value / other];
  });
  const known = (values: readonly (number | undefined)[]): number[] => values.flatMap((value) => value ?? []);
  return {
    figure,
    base: summarize(known(base)),
    head: summarize(known(head)),
    ratio: ratios.length === 0 ? undefined : median(ratios),
    interval: medianInterval(ratios),
  };
}
