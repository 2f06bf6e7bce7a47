import { expect, test } from "vitest";
import { Xoshiro128 } from "../../../src/engine/sampling/xoshiro.js";

const draws = (random: Xoshiro128, count: number): number[] => Array.from({ length: count }, () => random.nextUint32());

test("gives the outputs of the authors' xoshiro128**", () => {
  // From their C code with s = {1, 2, 3, 4}.
  expect(draws(new Xoshiro128([1, 2, 3, 4]), 10)).toEqual([
    11520, 0, 5927040, 70819200, 2031721883, 1637235492, 1287239034, 3734860849, 3729100597, 4258142804,
  ]);
});

test("seeds its state with two outputs of splitmix64, low words first", () => {
  // splitmix64 with seed 1234567 begins 6457827717110365317, 3203168211198807973.
  const [first, second] = [6457827717110365317n, 3203168211198807973n];
  const words = [first, first >> 32n, second, second >> 32n].map((word) => Number(BigInt.asUintN(32, word)));
  const [a = 0, b = 0, c = 0, d = 0] = words;
  expect(draws(Xoshiro128.fromSeed(1234567n), 5)).toEqual(draws(new Xoshiro128([a, b, c, d]), 5));
});

test("uses all 64 bits of a seed", () => {
  const seeds = [0n, 1n, 1n << 32n, 1n << 63n, (1n << 64n) - 1n];
  expect(new Set(seeds.map((seed) => Xoshiro128.fromSeed(seed).nextUint32())).size).toBe(seeds.length);
});

test("draws uniform numbers from the high 27 and 26 bits of two outputs", () => {
  const [first = 0, second = 0] = draws(Xoshiro128.fromSeed(7n), 2);
  const expected = ((BigInt(first) >> 5n) << 26n) | (BigInt(second) >> 6n);
  expect(Xoshiro128.fromSeed(7n).nextUniform() * 2 ** 53).toBe(Number(expected));
});
