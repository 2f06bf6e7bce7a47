import { isDeepStrictEqual } from "node:util";

/** As TGIS compares floats in its own tests. */
const relativeTolerance = 5e-4;
const absoluteTolerance = 1e-9;

/** Where a log-probability stands: in a token, or in one of OpenAI's lists. */
const isLogprob = /\.(logprob|token_logprobs\.\d+|top_logprobs\.\d+\..*)$/s;

/** Stands for any value alone, at the end of a text for any that begins so. */
const anything = "…";

/** The paths at which two values differ, with both; empty when they are the same up to the rounding of floats. */
export function differences(actual: unknown, expected: unknown, path = ""): string[] {
  if (isContainer(actual) && isContainer(expected)) {
    const names = new Set([...Object.keys(expected), ...Object.keys(actual)]);
    return [...names].flatMap((name) => differences(actual[name], expected[name], `${path}.${name}`));
  }
  if (isLogprob.test(path) ? isClose(actual, expected) : isSame(actual, expected)) return [];
  return [`${path.slice(1)}: ${JSON.stringify(actual)} instead of ${JSON.stringify(expected)}`];
}

function isSame(actual: unknown, expected: unknown): boolean {
  if (expected === anything) return actual !== undefined;
  if (typeof actual === "string" && typeof expected === "string" && expected.endsWith(anything)) {
    return actual.startsWith(expected.slice(0, -anything.length));
  }
  return isDeepStrictEqual(actual, expected);
}

/** NaN is written as text; JSON has none. */
function isClose(actual: unknown, expected: unknown): boolean {
  if (expected === "NaN") return actual === "NaN" || Number.isNaN(actual);
  if (typeof actual !== "number" || typeof expected !== "number") return actual === expected;
  return Math.abs(actual - expected) <= Math.max(absoluteTolerance, relativeTolerance * Math.abs(expected));
}

function isContainer(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
