import { describe, expect, test } from "vitest";
import { encode } from "../../../bench/peers/gguf/blocks.js";
import { toFloat16 } from "../../../bench/peers/gguf/float16.js";

describe("float16", () => {
  // Bits by IEEE 754: sign, 5 bits of exponent (bias 15), 10 of fraction.
  const rows: [value: number, bits: number][] = [
    [0, 0x0000],
    [-0, 0x8000],
    [1, 0x3c00],
    [-2, 0xc000],
    [65_504, 0x7bff],
    [65_519, 0x7bff],
    [65_520, 0x7c00],
    [Infinity, 0x7c00],
    [2 ** -14, 0x0400],
    [2 ** -24, 0x0001],
    [2 ** -25, 0x0000], // a tie, to even
    [3 * 2 ** -25, 0x0002], // a tie, to even
    [1 + 2 ** -11, 0x3c00], // a tie, to even
    [1 + 3 * 2 ** -11, 0x3c02], // a tie, to even
    [1 + 2 ** -11 + 2 ** -20, 0x3c01],
    [1023.75 * 2 ** -24, 0x0400], // rounds up out of the subnormals
  ];
  test.each(rows)("of %d is %d", (value, bits) => {
    expect(toFloat16(value)).toBe(bits);
  });

  test("of what is not a number is not a number", () => {
    expect(toFloat16(NaN) & 0x7fff).toBeGreaterThan(0x7c00);
  });
});

describe("a block of Q8_0", () => {
  test("has a float16 scale that makes the largest magnitude 127, and signed codes rounded away from zero", () => {
    const values = new Float32Array(32);
    values.set([127, -127, 63.5, -63.5, 1.4, -1.6]);
    const [low, high, ...codes] = encode("Q8_0", values);
    expect([low, high]).toEqual([0x00, 0x3c]); // 1
    expect(codes.slice(0, 7).map((code) => (code << 24) >> 24)).toEqual([127, -127, 64, -64, 1, -2, 0]);
    expect(codes).toHaveLength(32);
  });

  test("of zeros is zeros", () => {
    expect([...encode("Q8_0", new Float32Array(32))]).toEqual(Array.from({ length: 34 }, () => 0));
  });
});

describe("a block of Q4_0", () => {
  test("has its first half in the low bits and its second in the high ones, 8 for zero, 0 for the largest", () => {
    const values = new Float32Array(32);
    values.set([-8, 7, 1], 0);
    values.set([2, -3], 16);
    const [low, high, ...pairs] = encode("Q4_0", values);
    expect([low, high]).toEqual([0x00, 0x3c]); // -8 / -8
    expect(pairs.slice(0, 4)).toEqual([0xa0, 0x5f, 0x89, 0x88]);
    expect(pairs).toHaveLength(16);
  });

  test("has a negative scale where the largest is positive, whose opposite is cut off", () => {
    const values = new Float32Array(32);
    values.set([8, -8]);
    const [low, high, first, second] = encode("Q4_0", values);
    expect([low, high, first, second]).toEqual([0x00, 0xbc, 0x80, 0x8f]); // -1; code 16 does not exist
  });
});

test("several blocks follow each other, each with its own scale", () => {
  const values = new Float32Array(64).fill(127, 0, 32).fill(254, 32);
  const bytes = encode("Q8_0", values);
  expect([...bytes.subarray(0, 3), ...bytes.subarray(34, 37)]).toEqual([0x00, 0x3c, 127, 0x00, 0x40, 127]);
});
