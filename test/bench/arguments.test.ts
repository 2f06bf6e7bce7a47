import { expect, test } from "vitest";
import { parseArguments, positiveInteger } from "../../bench/arguments.js";

test("a count is a whole number of at least 1, or absent", () => {
  expect([positiveInteger("--rounds", "7"), positiveInteger("--rounds", undefined)]).toEqual([7, undefined]);
});

test.each(["0", "-1", "1.5", "many", ""])("%j is no count, and the option is named", (text) => {
  expect(() => positiveInteger("--rounds", text)).toThrow(`--rounds must be an integer of at least 1, got ${text}`);
});

test("an option that does not exist is a mistake of whoever typed", () => {
  expect(() => parseArguments({ args: ["--fast"], options: {} })).toThrow(
    expect.objectContaining({ name: "UsageError" }),
  );
});
