import type { Pulse } from "../client/messages.js";
import type { Measurement } from "./format.js";

const widthMs = 500;

/** What the clients saw, over time: of growing sums, what was added in each half second. */
export class PulseSeries {
  /** The last sum of each half second. */
  readonly #sums = new Map<number, Pulse>();

  /** @param ms since the start of the phase, ascending. */
  add(ms: number, sum: Pulse): void {
    this.#sums.set(Math.floor(ms / widthMs), sum);
  }

  points(): Measurement["pulses"] {
    const sums = [...this.#sums];
    return sums.map(([slot, { tokens, sent, answered, failed }], index) => {
      const [slotBefore, before] = sums[index - 1] ?? [slot - 1, { tokens: 0 }];
      const seconds = ((slot - slotBefore) * widthMs) / 1000;
      return {
        seconds: ((slot + 1) * widthMs) / 1000,
        tokensPerSecond: (tokens - before.tokens) / seconds,
        inFlight: sent - answered - failed,
      };
    });
  }
}
