/** Whether the clients kept up: a figure that is theirs must not be taken for the server's. */
import type { ClientEffort } from "../client/messages.js";
import type { Measurement } from "./format.js";

/** Of one CPU: one event loop cannot do more than a whole, and answers late before that. */
const mostCpuShare = 0.75;

/** Tokens come some milliseconds apart: an event loop that is later than this tells wrong times. */
const mostDelayMs = 10;

export function judgeEffort(efforts: readonly ClientEffort[]): Measurement["client"] {
  const cpuShare = Math.max(0, ...efforts.map((effort) => effort.cpuShare));
  const delays = efforts.flatMap(({ loopDelay }) => loopDelay?.p99 ?? []);
  const loopDelayP99Ms = delays.length === 0 ? undefined : Math.max(...delays);
  return { processes: efforts.length, cpuShare, loopDelayP99Ms, warning: warningOf(cpuShare, loopDelayP99Ms) };
}

function warningOf(cpuShare: number, delayMs = 0): string | undefined {
  if (cpuShare > mostCpuShare) {
    return `a clients' process was busy ${(100 * cpuShare).toFixed(0)}% of the time: use more (--client-processes), or another machine`;
  }
  if (delayMs > mostDelayMs) {
    return `the clients' event loop was ${delayMs.toFixed(0)} ms late (p99): latencies may be theirs; use another machine`;
  }
  return undefined;
}
