import { performance } from "node:perf_hooks";

/** A wall clock that was set by more than this is followed; less is how it ticks. */
const toleranceMs = 50;

/** Milliseconds since the epoch, with the steps of the monotonic clock: spans inside each other stay so. */
export function epochClock(): () => number {
  let offsetMs = Date.now() - performance.now();
  return () => {
    const steadyMs = performance.now();
    const newOffsetMs = Date.now() - steadyMs;
    if (Math.abs(newOffsetMs - offsetMs) > toleranceMs) offsetMs = newOffsetMs;
    return offsetMs + steadyMs;
  };
}
