import type { ProgressListener, ProgressPhase } from "./progress.js";

interface Sample {
  readonly atMs: number;
  readonly bytes: number;
}

/** The rate is that of so many milliseconds, looked at in steps, so that it neither jumps nor lags. */
const windowMs = 5000;
const stepMs = 250;

/** Counts bytes, and tells a listener after each step how far it is and how fast it goes. */
export class ProgressMeter {
  #phase: ProgressPhase = "listing";
  #done = 0;
  #total = 0;
  #samples: Sample[] = [];

  /** @param now Milliseconds of a clock that never goes back. */
  constructor(
    private readonly listener: ProgressListener,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** @param done Bytes that were there before. They count as done, but not for the rate. */
  begin(phase: ProgressPhase, total = 0, done = 0): void {
    this.#phase = phase;
    this.#total = total;
    this.#done = done;
    this.#samples = [{ atMs: this.now(), bytes: done }];
    this.#tell();
  }

  /** @param bytes Negative for those that turned out to be worthless. */
  add(bytes: number): void {
    this.#done += bytes;
    this.#tell();
  }

  #tell(): void {
    const bytesPerSecond = this.#rate();
    const left = this.#total - this.#done;
    this.listener({
      phase: this.#phase,
      bytesDone: this.#done,
      bytesTotal: this.#total,
      bytesPerSecond,
      secondsLeft: bytesPerSecond > 0 ? left / bytesPerSecond : undefined,
    });
  }

  #rate(): number {
    const now = this.now();
    const last = this.#samples.at(-1);
    if (last === undefined || now - last.atMs >= stepMs) this.#samples.push({ atMs: now, bytes: this.#done });
    while (this.#samples.length > 2 && now - (this.#samples[1]?.atMs ?? now) >= windowMs) this.#samples.shift();
    const [first] = this.#samples;
    if (first === undefined || now === first.atMs) return 0;
    return Math.max(0, ((this.#done - first.bytes) * 1000) / (now - first.atMs));
  }
}
