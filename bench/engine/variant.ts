import type { Arrivals, WindowObserver } from "./arrivals.js";
import type { Prompt } from "./prompts.js";

/** One sequence for each prompt, all begun at once, each of exactly `newTokens` tokens. */
export interface Workload {
  readonly prompts: readonly Prompt[];
  readonly newTokens: number;
  readonly observer?: WindowObserver;
}

export interface Run {
  readonly arrivals: Arrivals;
  /** CPU time over elapsed time of the clients' process, where they have one: near 1, they would be what limits. */
  readonly clientCpuShare?: number;
}

/** One way to get tokens out of the model. */
export interface Variant {
  readonly name: string;
  /** @throws {HarnessError} when a sequence does not get its tokens. */
  run(workload: Workload): Promise<Run>;
}

/** Indices of `count` variants in the order of round `round`: the first changes from round to round. */
export function rotated(count: number, round: number): number[] {
  return Array.from({ length: count }, (_, index) => (index + round) % count);
}
