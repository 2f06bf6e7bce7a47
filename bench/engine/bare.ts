import type { Runner } from "../../src/engine/runner/runner.js";
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
      newest.push((await this.runner.prefill(prefill)).greedyToken(0));
      log.record(slot, 1);
    }
    for (let tokens = 2; tokens <= newTokens; tokens += 1) {
      const rows = prompts.map(({ tokenIds }, slot) => ({
        tokenId: newest[slot] ?? 0,
        position: tokenIds.length + tokens - 2,
      }));
      const result = await this.runner.decode(0, rows);
      for (const slot of prompts.keys()) {
        newest[slot] = result.greedyToken(slot);
        log.record(slot, tokens);
      }
    }
    return { arrivals: log.finish() };
  }
}
