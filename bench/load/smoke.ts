import { HarnessError } from "../errors.js";
import type { LoadReport, Measurement } from "./report/format.js";
import { nameOf } from "./report/name.js";

/**
 * Whether the harness works, whatever the figures are.
 *
 * @throws {HarnessError} naming what did not happen.
 */
export function checkSmoke({ measurements }: LoadReport): void {
  if (measurements.length === 0) throw new HarnessError("nothing was measured");
  for (const measurement of measurements) {
    const broken = brokenPartOf(measurement);
    if (broken !== undefined) throw new HarnessError(`${nameOf(measurement)}: ${broken}`);
  }
}

function brokenPartOf({ outcome, rates, tokens, traffic, pulses, server }: Measurement): string | undefined {
  const { due, answered } = outcome.requests;
  if (answered === 0 || answered < due) return `${answered} of ${due} requests were answered`;
  if (traffic.some((each) => each.outcome.requests.answered === 0)) return "a traffic had no requests";
  if (outcome.firstTokenMs === undefined || outcome.tokenMs === undefined) return "there are no latencies";
  if (rates.tokensPerSecond === 0) return "there were no tokens";
  if (tokens.prompt === undefined && outcome.requests.answered > 0) return "the server's prompt tokens are not known";
  if (tokens.uncounted > 0) return "the server's completion tokens are not known";
  if (tokens.promptMismatches > 0)
    return `${tokens.promptMismatches} prompts have another length than they were to have`;
  if (pulses.length === 0) return "the clients told nothing while they measured";
  if (!server.some(({ running, cpus }) => running !== undefined && cpus !== undefined))
    return "the server was not watched";
  return undefined;
}
