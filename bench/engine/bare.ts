import { highestToken } from "../../src/engine/sampling/logit-blocks.js";
import type { Runner, RunResult } from "../../src/engine/runner/runner.js";
import { ArrivalLog } from "./arrivals.js";
import type { Run, Variant, Workload } from "./variant.js";

/**
 * What the others are compared with: the bound session in a loop, each row's highest logit fed back. Nothing is
 * scheduled, checked, sampled or turned into text.
 */
export class BareLoop implements Variant {
  readonly name = "bare loop";

  constructor(private readonly runner: Runner) {}

  async run({ prompts, newTokens, observer }: Workload): Promise<Run> {
    const log = new ArrivalLog(prompts.length, newTokens, observer);
    const newest: number[] = [];
    for (const [slot, { tokenIds }] of prompts.entries()) {
      const prefill = { slot, tokenIds, start: 0, end: tokenIds.length, wanted: "last" } as const;
      newest.push(highestOf(await this.runner.prefill(prefill), 0));
      log.record(slot, 1);
    }
    for (let tokens = 2; tokens <= newTokens; tokens += 1) {
      const rows = prompts.map(({ tokenIds }, slot) => ({
        tokenId: newest[slot] ?? 0,
        position: tokenIds.length + tokens - 2,
      }));
      const result = await this.runner.decode(0, rows);
      for (const slot of prompts.keys()) {
        newest[slot] = highestOf(result, slot);
        log.record(slot, tokens);
      }
    }
    return { arrivals: log.finish() };
  }
}

const highestOf = (result: RunResult, row: number): number =>
  highestToken({ row: result.logits(row), maxima: result.blockMaxima(row) });
