import { readFileSync } from "node:fs";
import { release } from "node:os";
import { expect, test } from "vitest";
import { anonymousMemory, memoryMap, moveToHugePages, newMemory } from "../../src/ort/huge-pages.js";
import { koffi } from "../../src/ort/ffi.js";

const [major = 0, minor = 0] = release().split(".").map(Number);
const canCollapse = process.platform === "linux" && (major > 6 || (major === 6 && minor >= 1));
const mebibyte = 2 ** 20;

const memoryOf = (values: Uint8Array) => {
  const start = koffi.address(values);
  return { start, end: start + BigInt(values.length) };
};

/** Of the mapping with this address, in KiB. */
function hugeKibibytes(address: bigint): number {
  const mappings = readFileSync("/proc/self/smaps", "utf8").split(/\n(?=[0-9a-f]+-[0-9a-f]+ )/);
  const found = mappings.find((text) => {
    const [, from, to] = /^([0-9a-f]+)-([0-9a-f]+) /.exec(text) ?? [];
    return BigInt(`0x${from ?? ""}`) <= address && address < BigInt(`0x${to ?? ""}`);
  });
  return Number(/AnonHugePages:\s+(\d+)/.exec(found ?? "")?.[1]);
}

test("what is new of some memory is what did not lie in any range before", () => {
  const before = [
    { start: 10n, end: 20n },
    { start: 40n, end: 50n },
  ];
  const after = [
    { start: 5n, end: 45n },
    { start: 50n, end: 60n },
  ];
  expect(newMemory(before, after)).toEqual([
    { start: 5n, end: 10n },
    { start: 20n, end: 40n },
    { start: 50n, end: 60n },
  ]);
});

test.runIf(canCollapse)("memory that is in use moves to huge pages with what is in it", async () => {
  const before = memoryMap();
  const values = new Uint8Array(16 * mebibyte).fill(7);
  const range = memoryOf(values);
  const fresh = newMemory(anonymousMemory(before), anonymousMemory(memoryMap()));
  expect(fresh.some(({ start, end }) => start <= range.start && range.end <= end)).toBe(true);
  const moved = await moveToHugePages([range]);
  expect(moved).toBeGreaterThanOrEqual(14 * mebibyte); // all but the ends, which are not aligned
  expect(hugeKibibytes(range.start + BigInt(8 * mebibyte)) * 1024).toBeGreaterThanOrEqual(moved);
  expect(values.every((value) => value === 7)).toBe(true);
});

test.runIf(canCollapse)("memory that nobody has written stays uncommitted", async () => {
  const values = new Uint8Array(new ArrayBuffer(64 * mebibyte)); // of pages that are zero until written
  const before = process.memoryUsage().rss;
  expect(await moveToHugePages([memoryOf(values)])).toBe(0);
  expect(process.memoryUsage().rss - before).toBeLessThan(16 * mebibyte);
});

test.runIf(canCollapse)("once the memory is about to be given back, none of it is moved", async () => {
  const values = new Uint8Array(16 * mebibyte).fill(7);
  expect(await moveToHugePages([memoryOf(values)], AbortSignal.abort())).toBe(0);
});
