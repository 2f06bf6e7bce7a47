/** Shows how far a download is: a bar on a terminal, lines in the log elsewhere. */
import type { Logger } from "../log.js";
import { ProgressBar, type Terminal } from "./bar.js";
import { progressLines } from "./lines.js";
import type { ProgressListener } from "./progress.js";

export { ProgressMeter } from "./meter.js";
export type { Progress, ProgressListener, ProgressPhase } from "./progress.js";
export { formatBytes } from "./units.js";

export interface ProgressDisplay {
  readonly onProgress: ProgressListener;
  /** Leaves nothing on the terminal. To be called whatever the outcome, and before anything else is written there. */
  end(): void;
}

export interface DisplayOptions {
  readonly log: Pick<Logger, "info">;
  /** What is fetched, e.g. `gpt2`. */
  readonly model: string;
  /** Standard error: standard output belongs to what a command answers. */
  readonly terminal: Terminal & { readonly isTTY?: boolean };
}

export function showProgress({ log, model, terminal }: DisplayOptions): ProgressDisplay {
  if (terminal.isTTY !== true) return { onProgress: progressLines(log, model), end: () => undefined };
  const bar = new ProgressBar(terminal, model);
  return { onProgress: (progress) => bar.show(progress), end: () => bar.end() };
}
