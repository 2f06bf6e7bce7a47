/** A traffic in words, for people. */
import { describeArrival } from "./arrivals.js";
import type { Length } from "./length.js";
import type { Traffic } from "./scenario.js";

/** `8 clients: 512 shared + 32 tokens in, 16 to 64 out`. */
export function describeTraffic(traffic: Traffic): string {
  const { name, arrival, promptTokens, completionTokens, sharedTokens, sharedPrefixes, passages, sampling } = traffic;
  const prefixes = sharedPrefixes === 1 ? "" : ` (${sharedPrefixes} different)`;
  const shared = sharedTokens === 0 ? "" : `${sharedTokens} shared${prefixes} + `;
  const lengths = `${shared}${describeLength(promptTokens)} tokens${passages === undefined ? "" : " of a text"} in, ${describeLength(completionTokens)} out`;
  const temperature = sampling === undefined ? "" : `, sampled at temperature ${sampling.temperature}`;
  return `${name === "all" ? "" : `${name}: `}${describeArrival(arrival)}: ${lengths}${temperature}`;
}

function describeLength(length: Length): string {
  if (length.kind === "fixed") return String(length.tokens);
  const range = `${length.from} to ${length.to}`;
  return length.kind === "uniform" ? range : `${range} (median ${length.median})`;
}
