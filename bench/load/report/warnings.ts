/** What a reader of the figures must know. */
import type { LoadReport, Measurement } from "./format.js";
import { nameOf } from "./name.js";

/** Texts may end a little early by themselves: below this share, speeds are of other requests than were meant. */
const leastCompletion = 0.98;

export function warningsOf({ measurements }: Pick<LoadReport, "measurements">): string[] {
  return measurements.flatMap((measurement) =>
    reasonsIn(measurement).map((reason) => `${nameOf(measurement)}: ${reason}`),
  );
}

function reasonsIn({ client, outcome, tokens, seconds }: Measurement): string[] {
  const { completion, completionWanted, promptMismatches, uncounted } = tokens;
  const reasons: string[] = [];
  if (client.warning !== undefined) reasons.push(client.warning);
  if (outcome.requests.due === 0)
    reasons.push(`no request was due within ${seconds} s: measure for longer than a request takes (--seconds)`);
  if (promptMismatches > 0)
    reasons.push(`the server counts other prompt tokens in ${promptMismatches} requests: is --tokenizer its own?`);
  if (uncounted > 0)
    reasons.push(`the server did not count the tokens of ${uncounted} answers: their parts are counted instead`);
  if (completion < leastCompletion * completionWanted)
    reasons.push(`texts ended early: ${completion} of ${completionWanted} tokens`);
  return reasons;
}
