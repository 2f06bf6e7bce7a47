import { expect, test } from "vitest";
import { deviceWithin, shareOf } from "../../src/assemble/device.js";

test("models are planned with the share of a device's memory that is free, not of all of it", () => {
  const driver = { memoryOf: (id: number) => ({ free: 1001 * (id + 1), total: 9000 }) };
  expect(shareOf(driver, 0, 0.9)).toEqual({ totalBytes: 9000, freeBytes: 1001, limitBytes: 900 });
  expect(shareOf(driver, 1, 1)).toEqual({ totalBytes: 9000, freeBytes: 2002, limitBytes: 2002 });
});

test("a session on a device may take the largest of the limits that its engine is planned with, one on a CPU has none", () => {
  const cuda = { kind: "cuda", id: 1 } as const;
  expect(deviceWithin(cuda, [500, 1000])).toEqual({ ...cuda, memoryLimitBytes: 1000 });
  expect(deviceWithin({ kind: "cpu" }, [500])).toEqual({ kind: "cpu" });
});
