import { median, summarize, type Summary } from "../stats.js";
import { steadyRate } from "./arrivals.js";
import type { Prompt } from "./prompts.js";
import type { Scenario } from "./scenario.js";
import { rotated, type Variant } from "./variant.js";

export interface ThroughputRow {
  readonly sequences: number;
  readonly variant: string;
  /** Of the steady window; undefined when no round had one. */
  readonly tokensPerSecond: Summary | undefined;
  /** To the first variant in the same round: what the machine does to a whole round cancels out. */
  readonly ratio: Summary | undefined;
  /** Median, for variants whose clients have a process. */
  readonly clientCpuShare: number | undefined;
}

/** What one variant did in one round. */
interface Sample {
  readonly rate: number | undefined;
  readonly clientCpuShare: number | undefined;
}

/**
 * Decode rates of all variants at each number of sequences, interleaved: a round runs every variant once at each
 * number, in an order that rotates. A round before the first, which does not count, compiles and touches everything.
 */
export async function measureThroughput(
  variants: readonly Variant[],
  prompts: readonly Prompt[],
  scenario: Scenario,
  progress: (text: string) => void,
): Promise<ThroughputRow[]> {
  const rows: ThroughputRow[] = [];
  const samples = new Map(scenario.sequences.map((sequences) => [sequences, variants.map((): Sample[] => [])]));
  for (let round = 0; round <= scenario.rounds; round += 1) {
    progress(round === 0 ? "throughput: warm-up" : `throughput: round ${round} of ${scenario.rounds}`);
    for (const [sequences, ofVariants] of samples) {
      for (const index of rotated(variants.length, round)) {
        const sample = await measure(variants[index], prompts.slice(0, sequences), scenario.newTokens);
        if (round > 0) ofVariants[index]?.push(sample);
      }
    }
  }
  for (const [sequences, ofVariants] of samples) {
    for (const [index, { name }] of variants.entries()) {
      rows.push(toRow(sequences, name, ofVariants[index] ?? [], ofVariants[0] ?? []));
    }
  }
  return rows;
}

async function measure(variant: Variant | undefined, prompts: readonly Prompt[], newTokens: number): Promise<Sample> {
  const run = await variant?.run({ prompts, newTokens });
  return { rate: run && steadyRate(run.arrivals), clientCpuShare: run?.clientCpuShare };
}

function toRow(sequences: number, variant: string, own: readonly Sample[], first: readonly Sample[]): ThroughputRow {
  const ratios = own.flatMap(({ rate }, round) => {
    const firstRate = first[round]?.rate;
    return rate === undefined || firstRate === undefined ? [] : [rate / firstRate];
  });
  const shares = own.flatMap(({ clientCpuShare }) => clientCpuShare ?? []);
  return {
    sequences,
    variant,
    tokensPerSecond: summarize(own.flatMap(({ rate }) => rate ?? [])),
    ratio: summarize(ratios),
    clientCpuShare: shares.length === 0 ? undefined : median(shares),
  };
}
