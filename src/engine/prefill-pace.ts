import type { SchedulerCounts } from "./scheduler.js";

export interface PaceLimits {
  /** The most prompt tokens of a step. */
  readonly maxTokens: number;
  /**
   * How many times longer a step may take for one prompt than its decode takes alone, at least 1. Each further prompt
   * that could start now may add as much again. Infinity = chunks are as long as they may be.
   */
  readonly decodeSlowdown: number;
}

/** The attention kernel computes queries in blocks of 16: a chunk that is shorter, or leaves a part of one, wastes it. */
const blockTokens = 16;
/**
 * Every run reads all weights: where few sequences decode, a chunk that takes no longer than they do is all reading and
 * hardly a token. From so many on, most of a chunk's time is the tokens' own.
 */
const leastTokens = 64;
/** Of an average, the newest measurement. A step's time follows the batch at once, noise does not move it far. */
const newest = 0.3;

/**
 * How many prompt tokens the next step may run beside its decode, so that running sequences wait about as long as they
 * were promised whatever the machine, the model and the batch. Measured as it goes: a step of few rows is short, and a
 * fixed chunk that is right for many would multiply its time.
 *
 * Only when sequences run: otherwise nobody waits for the chunk's end, and long ones cost less a token. And by the
 * prompts that wait for nothing but their prefill: when many arrive at once, all the slots being filled soon is worth
 * more than one stream's evenness.
 */
export class PrefillPace {
  /** Averages in milliseconds; 0 = not yet measured. */
  #decodeMs = 0;
  #promptTokenMs = 0;

  constructor(private readonly limits: PaceLimits) {}

  tokensFor({ waiting, prefilling, running, freeSlots }: SchedulerCounts): number {
    const { maxTokens, decodeSlowdown } = this.limits;
    const prompts = prefilling + Math.min(waiting, freeSlots);
    const allowedMs = this.#decodeMs * (decodeSlowdown - 1) * prompts;
    if (running === 0 || allowedMs === 0 || this.#promptTokenMs === 0) return maxTokens;
    const allowed = blockTokens * Math.floor(allowedMs / this.#promptTokenMs / blockTokens);
    return Math.min(maxTokens, Math.max(leastTokens, allowed));
  }

  prefilled(tokens: number, ms: number): void {
    this.#promptTokenMs = average(this.#promptTokenMs, ms / Math.max(tokens, blockTokens));
  }

  decoded(ms: number): void {
    this.#decodeMs = average(this.#decodeMs, ms);
  }
}

function average(before: number, measured: number): number {
  return before === 0 ? measured : before + newest * (measured - before);
}
