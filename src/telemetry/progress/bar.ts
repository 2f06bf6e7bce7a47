import type { Progress, ProgressPhase } from "./progress.js";
import { formatBytes, formatDuration } from "./units.js";

/** What is needed of a terminal. */
export interface Terminal {
  readonly columns?: number;
  write(text: string): unknown;
}

const redrawMs = 100;
const widestBar = 40;
const narrowestBar = 10;

const verbs: Readonly<Record<ProgressPhase, string>> = {
  listing: "asking for",
  waiting: "waiting for another process with",
  verifying: "verifying",
  downloading: "downloading",
  complete: "complete:",
};

/** Draws progress on one line of a terminal, over and over. */
export class ProgressBar {
  #drawnAtMs = -Infinity;
  #phase: ProgressPhase | undefined;

  /** @param label What is downloaded, e.g. `gpt2`. */
  constructor(
    private readonly terminal: Terminal,
    private readonly label: string,
    private readonly now: () => number = () => performance.now(),
  ) {}

  show(progress: Progress): void {
    const isNews = progress.phase !== this.#phase || progress.bytesDone === progress.bytesTotal;
    if (!isNews && this.now() - this.#drawnAtMs < redrawMs) return;
    this.#phase = progress.phase;
    this.#drawnAtMs = this.now();
    // One column stays free: some terminals wrap when the last one is written.
    this.terminal.write(`\r${renderBar(progress, this.label, (this.terminal.columns ?? 80) - 1)}\u001b[K`);
  }

  /** Takes the line away. */
  end(): void {
    if (this.#phase !== undefined) this.terminal.write("\r\u001b[K");
  }
}

/** `downloading gpt2  63% [======>   ] 315 MB of 500 MB, 98 MB/s, 2 s left`, with less where `columns` are few. */
export function renderBar(progress: Progress, label: string, columns: number): string {
  const { bytesDone, bytesTotal, bytesPerSecond, secondsLeft } = progress;
  const head = `${verbs[progress.phase]} ${label}`;
  if (bytesTotal === 0) return head.slice(0, columns);
  const share = Math.min(1, bytesDone / bytesTotal);
  const percent = `${String(Math.floor(share * 100)).padStart(3)}%`;
  const tail = [
    `${formatBytes(bytesDone)} of ${formatBytes(bytesTotal)}`,
    ...(bytesPerSecond > 0 ? [`${formatBytes(bytesPerSecond)}/s`] : []),
    ...(secondsLeft === undefined ? [] : [`${formatDuration(secondsLeft)} left`]),
  ].join(", ");
  const width = Math.min(widestBar, columns - `${head} ${percent} [] ${tail}`.length);
  const texts = [
    ...(width >= narrowestBar ? [`${head} ${percent} [${drawn(share, width)}] ${tail}`] : []),
    `${head} ${percent} ${tail}`,
    `${percent.trim()} ${tail}`,
  ];
  return texts.find((text) => text.length <= columns) ?? percent.trim().slice(0, columns);
}

function drawn(share: number, width: number): string {
  const filled = Math.floor(share * width);
  return `${"=".repeat(filled)}${filled < width ? ">" : ""}`.padEnd(width);
}
