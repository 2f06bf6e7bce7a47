/**
 * ggml's element types that the benchmark writes, quantised as ggml's reference does (quantize_row_q8_0_ref and
 * quantize_row_q4_0_ref in ggml-quants.c).
 */
import { toFloat16 } from "./float16.js";

export const ggmlTypes = {
  F32: { number: 0, elements: 1, bytes: 4 },
  Q4_0: { number: 2, elements: 32, bytes: 18 },
  Q8_0: { number: 8, elements: 32, bytes: 34 },
} as const;
export type GgmlType = keyof typeof ggmlTypes;

/** @param values whole blocks of the type. */
export function encode(type: GgmlType, values: Float32Array): Uint8Array {
  if (type === "F32") return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  const { elements, bytes } = ggmlTypes[type];
  const encoded = new Uint8Array((values.length / elements) * bytes);
  const encodeBlock = type === "Q8_0" ? encodeQ8 : encodeQ4;
  for (let from = 0, to = 0; from < values.length; from += elements, to += bytes) {
    encodeBlock(values.subarray(from, from + elements), encoded, to);
  }
  return encoded;
}

/** A float16 scale, then 32 signed codes: the largest magnitude becomes 127. */
function encodeQ8(values: Float32Array, target: Uint8Array, to: number): void {
  const scale = Math.fround(Math.abs(largest(values)) / 127);
  const inverse = scale === 0 ? 0 : Math.fround(1 / scale);
  writeScale(scale, target, to);
  for (const [index, value] of values.entries()) {
    const scaled = Math.fround(value * inverse);
    target[to + 2 + index] = Math.sign(scaled) * Math.floor(Math.abs(scaled) + 0.5); // C's roundf
  }
}

/**
 * A float16 scale, then 16 bytes: codes 0 to 15 in the low halves, 16 to 31 in the high ones, 8 for zero. The value of
 * the largest magnitude becomes code 0.
 */
function encodeQ4(values: Float32Array, target: Uint8Array, to: number): void {
  const scale = Math.fround(largest(values) / -8);
  const inverse = scale === 0 ? 0 : Math.fround(1 / scale);
  const code = (index: number): number => Math.min(15, Math.trunc(Math.fround((values[index] ?? 0) * inverse) + 8.5));
  writeScale(scale, target, to);
  for (let index = 0; index < 16; index += 1) target[to + 2 + index] = code(index) | (code(index + 16) << 4);
}

/** The value of the largest magnitude, the first of equals. */
function largest(values: Float32Array): number {
  let found = 0;
  for (const value of values) if (Math.abs(value) > Math.abs(found)) found = value;
  return found;
}

function writeScale(scale: number, target: Uint8Array, to: number): void {
  const half = toFloat16(scale);
  target[to] = half & 255;
  target[to + 1] = half >>> 8;
}
