/** Fetches one part of a file: tries again after failures, and races a request that has fallen silent. */
import { RemoteError } from "../remote-folder.js";
import { Attempt, type AttemptContext } from "./attempt.js";
import type { BlockRange } from "./block-file.js";
import { isTransient, Patience, type RetryOptions } from "./retry.js";

export interface PartOptions {
  readonly retry: RetryOptions;
  /** How long a request may send no byte before a second one is sent beside it. */
  readonly stallMs: number;
}

/**
 * Ends when every block of the part is on disk.
 *
 * @throws {RemoteError} when the store refuses, or fails too often.
 * @throws {RemoteChangedError} when the file was replaced.
 */
export async function fetchPart(
  context: AttemptContext,
  part: BlockRange,
  options: PartOptions,
  signal: AbortSignal,
): Promise<void> {
  const { target } = context;
  const patience = new Patience(options.retry, signal);
  while (!target.isWritten(part)) {
    const before = target.firstMissing(part);
    try {
      await race(context, part, options.stallMs, signal);
    } catch (error) {
      signal.throwIfAborted();
      if (target.firstMissing(part) > before) patience.renew();
      await patience.waitAfter(error);
    }
  }
}

/** Sends one request, and a second one if the first falls silent. The first to finish wins; the other is aborted. */
async function race(context: AttemptContext, part: BlockRange, stallMs: number, signal: AbortSignal): Promise<void> {
  const loser = new AbortController();
  const abort = () => loser.abort(signal.reason);
  signal.addEventListener("abort", abort);
  const attempts: Attempt[] = [];
  const watch = new StallWatch(stallMs, attempts);
  const start = () => {
    const attempt = new Attempt(context, part, loser.signal);
    attempts.push(attempt);
    return attempt.run();
  };
  try {
    signal.throwIfAborted();
    const first = start();
    const isSilent = await Promise.race([
      first.then(() => false),
      watch.silence().then(() => true),
      aborted(loser.signal),
    ]);
    if (!isSilent) return;
    const silentAgain = watch.silence().then(() => Promise.reject(stalled(context, stallMs)));
    await Promise.race([firstToFinish([first, start()]), silentAgain, aborted(loser.signal)]);
  } finally {
    watch.stop();
    signal.removeEventListener("abort", abort);
    loser.abort();
    await Promise.all(attempts.map((attempt) => attempt.settle()));
  }
}

/** Fulfilled with the first that is fulfilled; rejected with the first refusal, or when all have failed. */
function firstToFinish(runs: readonly Promise<void>[]): Promise<void> {
  return new Promise((resolve, reject) => {
    let running = runs.length;
    for (const run of runs) {
      run.then(resolve, (error: unknown) => {
        running -= 1;
        if (running > 0 && isTransient(error)) return;
        reject(error instanceof Error ? error : new Error(String(error)));
      });
    }
  });
}

/** Never fulfilled. A store that does not heed the signal must not hold anyone up. */
function aborted(signal: AbortSignal): Promise<never> {
  const never = new Promise<never>((_, reject) => {
    const fail = () => reject(signal.reason as Error);
    if (signal.aborted) fail();
    else signal.addEventListener("abort", fail, { once: true });
  });
  never.catch(() => undefined); // it may come after the race is over
  return never;
}

function stalled({ remote, target }: AttemptContext, stallMs: number): RemoteError {
  return new RemoteError(`${remote.uri}: ${target.file.path}: the server sent nothing for ${stallMs / 1000} s`, true);
}

/** Watches requests for silence: the time since the last byte of any of them. */
class StallWatch {
  #timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly stallMs: number,
    private readonly attempts: readonly Attempt[],
  ) {}

  /** Fulfilled when no byte has come for `stallMs`. */
  silence(): Promise<void> {
    const start = performance.now();
    return new Promise((resolve) => {
      const look = () => {
        const lastByteAtMs = Math.max(start, ...this.attempts.map((attempt) => attempt.lastByteAtMs));
        const leftMs = lastByteAtMs + this.stallMs - performance.now();
        if (leftMs <= 0) resolve();
        else this.#timer = setTimeout(look, Math.ceil(leftMs));
      };
      look();
    });
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}
