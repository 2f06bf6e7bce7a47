import { constants } from "node:os";

const stopSignals = ["SIGTERM", "SIGINT"] as const;
export type StopSignal = (typeof stopSignals)[number];

/**
 * Resolves with the first signal that asks the process to stop; the second ends it at once, with the exit code that
 * shells give to a process ended by that signal (128 + its number).
 *
 * To be called before anything slow: the first process of a container has no default handler, so that without this
 * one a SIGTERM during the start would be lost.
 */
export function stopRequested(): Promise<StopSignal> {
  return new Promise((resolve) => {
    let isStopping = false;
    for (const signal of stopSignals) {
      process.on(signal, () => {
        if (isStopping) process.exit(128 + constants.signals[signal]);
        isStopping = true;
        resolve(signal);
      });
    }
  });
}
