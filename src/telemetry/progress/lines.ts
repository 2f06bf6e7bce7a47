import type { Logger } from "../log.js";
import type { Progress, ProgressListener } from "./progress.js";

const everyMs = 5000;

/** Logs progress every few seconds, from the first few seconds on: what is quicker needs no line. */
export function progressLines(
  log: Pick<Logger, "info">,
  model: string,
  now: () => number = () => performance.now(),
): ProgressListener {
  let loggedAtMs = now();
  return (progress) => {
    if (now() - loggedAtMs < everyMs) return;
    loggedAtMs = now();
    log.info("fetching the model", { model, ...fieldsOf(progress) });
  };
}

function fieldsOf({ phase, bytesDone, bytesTotal, bytesPerSecond, secondsLeft }: Progress) {
  if (bytesTotal === 0) return { phase };
  return {
    phase,
    percent: Math.floor((bytesDone / bytesTotal) * 100),
    bytesDone,
    bytesTotal,
    bytesPerSecond: Math.round(bytesPerSecond),
    ...(secondsLeft !== undefined && { secondsLeft: Math.ceil(secondsLeft) }),
  };
}
