import { setTimeout } from "node:timers/promises";
import { summarize, type Summary } from "../stats.js";
import { firstTokenMs } from "./arrivals.js";
import type { Prompt } from "./prompts.js";
import { rotated, type Variant } from "./variant.js";

export interface FirstTokenRow {
  readonly variant: string;
  readonly ms: Summary | undefined;
  /** To the first variant's in the same turn. */
  readonly ratio: Summary | undefined;
}

/** Decoding goes on behind the first token, as with a real request: it must not wait for the next step. */
const newTokens = 4;

/** Before each run: the threads of the one before, perhaps in another process, still spin for work. */
const settleMs = 50;

/**
 * Time from asking to the first token, on an idle model: the variants in a rotating order, `count` times each.
 * @param prompts one.
 */
export async function measureFirstToken(
  variants: readonly Variant[],
  prompts: readonly Prompt[],
  count: number,
): Promise<FirstTokenRow[]> {
  const times = variants.map((): number[] => []);
  for (let turn = 0; turn < count; turn += 1) {
    for (const index of rotated(variants.length, turn)) {
      await setTimeout(settleMs);
      const run = await variants[index]?.run({ prompts, newTokens });
      if (run !== undefined) times[index]?.push(firstTokenMs(run.arrivals));
    }
  }
  return variants.map(({ name }, index) => {
    const own = times[index] ?? [];
    const ratios = own.map((ms, turn) => ms / (times[0]?.[turn] ?? NaN));
    return { variant: name, ms: summarize(own), ratio: summarize(ratios) };
  });
}
