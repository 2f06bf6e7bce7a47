import { expect, test } from "vitest";
import { betterOf, measureDeviceBandwidth } from "../../../bench/gpu/bandwidth.js";
import { liveTensors } from "../../../src/ort/index.js";

test("the better of a copy, which reads and writes, and of a product, which reads, is the bandwidth", () => {
  expect(betterOf(100, 1, 0.6)).toEqual({ bytesPerSecond: 200, operator: "copy" });
  expect(betterOf(100, 1, 0.4)).toEqual({ bytesPerSecond: 250, operator: "MatMul of one row" });
});

test("measuring the bandwidth leaves no tensor behind", async () => {
  const before = liveTensors();
  const { bytesPerSecond, operator } = await measureDeviceBandwidth({ threads: 1 }, 1);
  expect(bytesPerSecond).toBeGreaterThan(1e6);
  expect(["copy", "MatMul of one row"]).toContain(operator);
  expect(liveTensors()).toBe(before);
});
