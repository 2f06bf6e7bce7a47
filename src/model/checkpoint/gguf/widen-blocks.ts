/**
 * ggml's blocks of numbers as float32, bit for bit what ggml makes of them: dequantize_row_q8_0, _q4_0 and _q6_K in
 * ggml-quants.c. A float16 scale times a code of 8 bits or less is exact in float32.
 */
import { blockSizes, type BlockType } from "../tensor-record.js";

/** Widens the block at byte `at` of `source` to `target` from `to` on. */
type WidenBlock = (source: Uint8Array, at: number, target: Float32Array, to: number) => void;

const wideners: Readonly<Record<BlockType, WidenBlock>> = { q8_0: widenQ8, q4_0: widenQ4, q6_k: widenQ6K };

/** Widens whole blocks. */
export function widenBlocks(type: BlockType, source: Uint8Array, target: Float32Array): void {
  const { elements, bytes } = blockSizes[type];
  const widen = wideners[type];
  for (let at = 0, to = 0; at < source.length; at += bytes, to += elements) widen(source, at, target, to);
}

/** A float16 scale, then 32 signed codes. */
function widenQ8(source: Uint8Array, at: number, target: Float32Array, to: number): void {
  const scale = float16(source, at);
  for (let index = 0; index < 32; index += 1) target[to + index] = scale * signed(source[at + 2 + index]);
}

/** A float16 scale, then 16 bytes: the low halves are codes 0 to 15, the high halves 16 to 31; zero is 8. */
function widenQ4(source: Uint8Array, at: number, target: Float32Array, to: number): void {
  const scale = float16(source, at);
  for (let index = 0; index < 16; index += 1) {
    const pair = source[at + 2 + index] ?? 0;
    target[to + index] = scale * ((pair & 15) - 8);
    target[to + 16 + index] = scale * ((pair >> 4) - 8);
  }
}

/**
 * 128 bytes with the low 4 bits of 256 codes, 64 with their high 2 bits, 16 signed scales, one for 16 codes each, and a
 * float16 scale of all; zero is 32. Each half of the block has its own half of each part.
 */
function widenQ6K(source: Uint8Array, at: number, target: Float32Array, to: number): void {
  const [highAt, scalesAt] = [at + 128, at + 192];
  const scale = float16(source, at + 208);
  for (let index = 0; index < 256; index += 1) {
    const half = index >> 7;
    const place = index & 127; // in its half: four runs of 32
    const low = source[at + half * 64 + (place & 63)] ?? 0;
    const high = source[highAt + half * 32 + (place & 31)] ?? 0;
    const lowBits = place < 64 ? low & 15 : low >> 4;
    const highBits = (high >> (2 * (place >> 5))) & 3;
    const ownScale = scale * signed(source[scalesAt + (index >> 4)]);
    target[to + index] = ownScale * ((lowBits | (highBits << 4)) - 32);
  }
}

function signed(byte = 0): number {
  return (byte << 24) >> 24;
}

/** The little-endian IEEE float16 at byte `at`. */
function float16(source: Uint8Array, at: number): number {
  const bits = (source[at] ?? 0) | ((source[at + 1] ?? 0) << 8);
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
