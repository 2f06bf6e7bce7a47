import { expect, test } from "vitest";
import { Candidates } from "../../../src/engine/sampling/candidates.js";

test("a uniform number falls on the token whose share of the running sum it is in, never on an impossible one", () => {
  const candidates = new Candidates(5);
  candidates.takeAll(Float32Array.from([-Infinity, 0, -Infinity, 0, -Infinity]), 1);
  const largest = 1 - 2 ** -53;
  expect([0, 0.4999, 0.5, largest].map((uniform) => candidates.positionAt(uniform))).toEqual([1, 1, 3, 3]);
});
