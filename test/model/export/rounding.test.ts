/** All float16 numbers are known by their definition, and what is nearest to a number by looking at its neighbours. */
import { expect, test } from "vitest";
import { findOverflow, narrow, widen } from "../../../src/model/export/rounding.js";

/** The number that a float16 stands for: sign, 5 bits of exponent, 10 of fraction. */
function valueOf(half: number): number {
  const [sign, exponent, fraction] = [half >> 15, (half >> 10) & 31, half & 1023];
  const magnitude = exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25);
  return sign === 1 ? -magnitude : magnitude;
}

function narrowed(dtype: "float16" | "bfloat16", numbers: readonly number[]): number[] {
  const bytes = narrow(dtype, Float32Array.from(numbers));
  return [...new Uint16Array(bytes.buffer, bytes.byteOffset, numbers.length)];
}

function widened(type: "float16" | "bfloat16", halves: readonly number[]): number[] {
  const numbers = new Float32Array(halves.length);
  widen(type, new Uint8Array(Uint16Array.from(halves).buffer), numbers);
  return [...numbers];
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index);
/** Zero to 65,504. */
const positiveHalves = upTo(0x7c00);
const negative = (halves: readonly number[]): number[] => halves.map((half) => half | 0x8000);

test("every finite float16 is the number that it stands for, and that number is stored as it", () => {
  const halves = [...positiveHalves, ...negative(positiveHalves)];
  expect(widened("float16", halves)).toEqual(halves.map(valueOf));
  expect(narrowed("float16", halves.map(valueOf))).toEqual(halves);
});

test("half way between two float16s it is the even one; a little beside it, the nearer one", () => {
  const lower = positiveHalves.slice(0, -1);
  const middles = lower.map((half) => (valueOf(half) + valueOf(half + 1)) / 2);
  const even = lower.map((half) => half + (half & 1));
  expect(narrowed("float16", middles)).toEqual(even);
  expect(
    narrowed(
      "float16",
      middles.map((middle) => -middle),
    ),
  ).toEqual(negative(even));
  const beside = (factor: number): number[] => middles.map((middle) => middle * factor);
  expect(narrowed("float16", beside(1 - 2 ** -20))).toEqual(lower);
  expect(narrowed("float16", beside(1 + 2 ** -20))).toEqual(lower.map((half) => half + 1));
});

test("what is not finite stays so", () => {
  expect(narrowed("float16", [Infinity, -Infinity, NaN])).toEqual([0x7c00, 0xfc00, 0x7e00]);
  expect(widened("float16", [0x7c00, 0xfc00, 0x7e00])).toEqual([Infinity, -Infinity, NaN]);
  expect(narrowed("bfloat16", [Infinity, -Infinity, NaN])).toEqual([0x7f80, 0xff80, 0x7fc0]);
  expect(widened("bfloat16", [0x7f80, 0xff80, 0x7fc0])).toEqual([Infinity, -Infinity, NaN]);
});

test.each([
  [1, 0x3f80],
  [-2.5, 0xc020],
  [1 + 2 ** -8, 0x3f80], // half way: 1 is even
  [1 + 3 * 2 ** -8, 0x3f82], // half way: 1 + 2^-6 is even
  [1 + 2 ** -8 + 2 ** -20, 0x3f81],
  [2 - 2 ** -9, 0x4000], // carries into the exponent
])("%d is stored as the bfloat16 0x%x", (number, bits) => {
  expect(narrowed("bfloat16", [number])).toEqual([bits]);
});

test("the first number that would become infinite is found, and what is infinite already is let through", () => {
  const bfloat16Limit = (2 - 2 ** -8) * 2 ** 127;
  expect(findOverflow("float16", Float32Array.of(Infinity, 65_519, -65_520, 1e9))).toBe(-65_520);
  expect(findOverflow("float16", Float32Array.of(-Infinity, NaN, 65_519.99))).toBeUndefined();
  expect(findOverflow("bfloat16", Float32Array.of(bfloat16Limit))).toBe(bfloat16Limit);
  expect(findOverflow("bfloat16", Float32Array.of(-1e38))).toBeUndefined();
});
