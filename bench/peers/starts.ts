import { firstTokenMs } from "../engine/arrivals.js";
import type { Prompt } from "../engine/prompts.js";
import { median, summarize, type Summary } from "../stats.js";
import type { Contestant } from "./contestant.js";

export interface StartRow {
  readonly peer: string;
  readonly precision: string;
  readonly settings: string;
  readonly version: string;
  /** From before the process was spawned to the first token of one prompt. */
  readonly firstTokenMs: Summary | undefined;
  /** Median after that first answer; undefined where the system has no /proc. */
  readonly residentBytes: number | undefined;
}

/**
 * Fresh processes, one after the other. What the caller itself does is not in it: clients of ours connect beforehand.
 * @param prompts one.
 * @throws {PeerError} when it does not start, or gives no token.
 */
export async function measureStarts(
  contestant: Contestant,
  prompts: readonly Prompt[],
  starts: number,
): Promise<StartRow> {
  const { peer, precision, settings } = contestant;
  const times: number[] = [];
  const resident: number[] = [];
  let version = "";
  for (let start = 0; start < starts; start += 1) {
    await using running = await contestant.start();
    const { arrivals } = await running.run(prompts, 2);
    times.push(running.readyMs + firstTokenMs(arrivals));
    resident.push(running.residentBytes() ?? NaN);
    ({ version } = running);
  }
  const residentBytes = resident.some(Number.isNaN) ? undefined : median(resident);
  return { peer, precision, settings, version, firstTokenMs: summarize(times), residentBytes };
}
