import { expect, test } from "vitest";
import { measureDeviceBandwidth } from "../../../bench/gpu/bandwidth.js";
import { liveTensors } from "../../../src/ort/index.js";

test("the bandwidth is the better of a copy and a product, and leaves no tensor behind", async () => {
  const before = liveTensors();
  const { bytesPerSecond, operator } = await measureDeviceBandwidth({ threads: 1 }, 1);
  expect(bytesPerSecond).toBeGreaterThan(1e6);
  expect(["copy", "MatMul of one row"]).toContain(operator);
  expect(liveTensors()).toBe(before);
});
