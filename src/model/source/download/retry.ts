/** When to ask a store again, and when to give up. */
import { setTimeout as delay } from "node:timers/promises";
import { RemoteError } from "../remote-folder.js";

export interface RetryOptions {
  /** Tries in a row that may fail without a block gained, the first one included. */
  readonly attempts: number;
  /** Wait after the first failure; doubled after each further one, up to `maxDelayMs`. */
  readonly firstDelayMs: number;
  readonly maxDelayMs: number;
}

export const defaultRetry: RetryOptions = { attempts: 7, firstDelayMs: 250, maxDelayMs: 10_000 };

/** A store may ask for more than `maxDelayMs`, within reason. */
const maxRetryAfterMs = 60_000;

export function isTransient(error: unknown): error is RemoteError {
  return error instanceof RemoteError && error.isTransient;
}

/** Between half of the wait and the whole: clients that failed together do not come back together. */
export function retryDelayMs(
  failures: number,
  error: RemoteError,
  options: RetryOptions,
  random = Math.random,
): number {
  const full = Math.min(options.maxDelayMs, options.firstDelayMs * 2 ** (failures - 1));
  const asked = Math.min(maxRetryAfterMs, error.retryAfterMs ?? 0);
  return Math.max(asked, full * (0.5 + random() / 2));
}

/** Counts failures in a row, and waits after each. */
export class Patience {
  #failures = 0;

  constructor(
    private readonly options: RetryOptions,
    private readonly signal: AbortSignal,
  ) {}

  /** Something was gained: the count starts again. */
  renew(): void {
    this.#failures = 0;
  }

  /** @throws `error` when it will not help to try again, or it was tried often enough. */
  async waitAfter(error: unknown): Promise<void> {
    this.#failures += 1;
    if (!isTransient(error) || this.#failures >= this.options.attempts) throw error;
    await delay(retryDelayMs(this.#failures, error, this.options), undefined, { signal: this.signal });
  }
}

/** Calls `ask` until it works. @throws What it throws in the end. */
export async function withRetries<T>(ask: () => Promise<T>, options: RetryOptions, signal: AbortSignal): Promise<T> {
  const patience = new Patience(options, signal);
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      signal.throwIfAborted();
      await patience.waitAfter(error);
    }
  }
}
