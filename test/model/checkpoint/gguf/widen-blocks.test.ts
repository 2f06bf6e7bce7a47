import { expect, test } from "vitest";
import { widenBlocks } from "../../../../src/model/checkpoint/gguf/widen-blocks.js";
import { blockSizes, type BlockType } from "../../../../src/model/checkpoint/tensor-record.js";
import { dequantiseRow } from "../../../support/ggml-blocks.js";
import { Random } from "../../../support/random.js";
import { areSameBits } from "../../../support/runners.js";

const one = [0x00, 0x3c]; // float16
const minusHalf = [0x00, 0xb8];

function widen(type: BlockType, bytes: readonly number[]): Float32Array {
  const { elements, bytes: size } = blockSizes[type];
  const target = new Float32Array((bytes.length / size) * elements);
  widenBlocks(type, Uint8Array.from(bytes), target);
  return target;
}

test("Q8_0: a scale times each signed byte", () => {
  const codes = Array.from({ length: 32 }, (_, index) => index - 16);
  const numbers = widen("q8_0", [
    ...minusHalf,
    ...codes.map((code) => code & 255),
    ...one,
    127,
    129,
    ...Array<number>(30).fill(0),
  ]);
  expect([...numbers.slice(0, 32)]).toEqual(codes.map((code) => -code / 2));
  expect([...numbers.slice(32, 35)]).toEqual([127, -127, 0]);
});

test("Q4_0: low halves of the bytes are the first 16 numbers, high halves the others, and 8 is zero", () => {
  const numbers = widen("q4_0", [
    ...minusHalf,
    ...Array.from({ length: 16 }, (_, index) => index | ((15 - index) << 4)),
  ]);
  expect([...numbers.slice(0, 16)]).toEqual(Array.from({ length: 16 }, (_, index) => (index - 8) / -2));
  expect([...numbers.slice(16)]).toEqual(Array.from({ length: 16 }, (_, index) => (7 - index) / -2));
});

test("Q6_K: 4 bits and 2 bits make a code, 16 of which share a scale", () => {
  const block = [...Array<number>(192).fill(0), ...Array.from({ length: 16 }, (_, index) => index + 1), ...one];
  block[0] = 0xf5; // number 0: low bits 5, number 64: low bits 15
  block[128] = 0b00_10_00_11; // number 0: high bits 3, number 64: high bits 2
  const numbers = widen("q6_k", block);
  expect(numbers[0]).toBe(0x35 - 32);
  expect(numbers[64]).toBe(5 * (0x2f - 32));
  expect(numbers[255]).toBe(16 * -32);
});

test.for(["q8_0", "q4_0", "q6_k"] as const)("%s: any bytes become what the naive reading makes of them", (type) => {
  const random = new Random(3);
  const names = { q8_0: "Q8_0", q4_0: "Q4_0", q6_k: "Q6_K" } as const;
  const bytes = Array.from({ length: 200 * blockSizes[type].bytes }, () => random.integer(0, 256));
  const [numbers, expected] = [widen(type, bytes), dequantiseRow(names[type], Buffer.from(bytes))];
  expect(numbers.length).toBe(200 * blockSizes[type].elements);
  expect(expected.some((value) => Math.abs(value) < 2 ** -14 && value !== 0)).toBe(true); // subnormal scales
  expect(areSameBits(numbers, expected)).toBe(true);
});
