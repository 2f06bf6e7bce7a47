/** One visit to a GPU machine has to do: what cannot be measured is left out with its reason, and the rest goes on. */
import { performance } from "node:perf_hooks";
import { HarnessError } from "../errors.js";

/** What became of one part of the benchmark. */
export interface Part {
  readonly name: string;
  readonly outcome: "measured" | "skipped" | "failed";
  /** Why it was not measured. */
  readonly reason?: string;
  readonly seconds: number;
}

export interface Limits {
  /** After which no part is begun, and none goes on. */
  readonly seconds: number;
  /** That one part may take. */
  readonly partSeconds: number;
}

/** What is to be measured is not here. */
export class SkippedError extends Error {
  override readonly name = "SkippedError";
}

/** Of a reason: the program's last words, where one failed. */
const mostCharacters = 600;

/** Measures one part after the other, as long as there is time. */
export class Parts {
  /** In order. */
  readonly all: Part[] = [];
  readonly #start: number;

  /**
   * @param progress told the name of each part as it begins, and why it was not measured.
   * @param now milliseconds.
   */
  constructor(
    private readonly limits: Limits,
    private readonly progress: (text: string) => void,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.#start = now();
  }

  get secondsTaken(): number {
    return (this.now() - this.#start) / 1000;
  }

  /** Until no part is begun any more. */
  get secondsLeft(): number {
    return Math.max(0, this.limits.seconds - this.secondsTaken);
  }

  /**
   * @param action told by its signal when it has no time left; then it is not waited for.
   * @returns what it does; undefined when it did not come to that.
   */
  async measure<T>(name: string, action: (signal: AbortSignal) => Promise<T>): Promise<T | undefined> {
    const start = this.secondsTaken;
    const add = (part: Pick<Part, "outcome" | "reason">): void =>
      void this.all.push({ name, seconds: this.secondsTaken - start, ...part });
    this.progress(name);
    try {
      if (this.secondsLeft === 0) throw new SkippedError(`the ${this.limits.seconds} s of this benchmark are over`);
      const value = await within(Math.min(this.limits.partSeconds, this.secondsLeft), action);
      add({ outcome: "measured" });
      return value;
    } catch (error) {
      const reason = (error instanceof Error ? error.message : String(error)).slice(-mostCharacters);
      const outcome = error instanceof SkippedError ? "skipped" : "failed";
      add({ outcome, reason });
      this.progress(`${name}: ${outcome}, ${reason}`);
      return undefined;
    }
  }
}

async function within<T>(seconds: number, action: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const ending = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new HarnessError(`was not done within ${Number(seconds.toFixed(1))} s`));
      ending.abort();
    }, 1000 * seconds);
  });
  try {
    return await Promise.race([action(ending.signal), late]);
  } finally {
    clearTimeout(timer);
  }
}
