import { isDeepStrictEqual } from "node:util";

/** As TGIS compares floats in its own tests. */
const relativeTolerance = 5e-4;
const absoluteTolerance = 1e-9;

/** The paths at which two values differ, with both; empty when they are the same up to the rounding of floats. */
export function differences(actual: unknown, expected: unknown, path = ""): string[] {
  if (isContainer(actual) && isContainer(expected)) {
    const names = new Set([...Object.keys(expected), ...Object.keys(actual)]);
    return [...names].flatMap((name) => differences(actual[name], expected[name], `${path}.${name}`));
  }
  if (path.endsWith(".logprob") ? isClose(actual, expected) : isDeepStrictEqual(actual, expected)) return [];
  return [`${path.slice(1)}: ${JSON.stringify(actual)} instead of ${JSON.stringify(expected)}`];
}

/** NaN is written as text; JSON has none. */
function isClose(actual: unknown, expected: unknown): boolean {
  if (expected === "NaN") return Number.isNaN(actual);
  if (typeof actual !== "number" || typeof expected !== "number") return actual === expected;
  return Math.abs(actual - expected) <= Math.max(absoluteTolerance, relativeTolerance * Math.abs(expected));
}

function isContainer(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
