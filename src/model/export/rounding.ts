/**
 * Stored numbers to float32, which is exact, and float32 to the nearest number that is stored, to the even one of two
 * that are as near: IEEE 754's own rule, and torch's.
 */
import { InternalError } from "../../errors.js";
import { widenBlocks } from "../checkpoint/gguf/widen-blocks.js";
import { isBlockType, type ElementType } from "../checkpoint/tensor-record.js";
import type { ExportDtype } from "./formats.js";

/**
 * The numbers in `bytes`.
 * @param bytes whole numbers or blocks, little-endian, at a multiple of 4 bytes in their buffer.
 * @param target as long as there are numbers.
 */
export function widen(type: ElementType, bytes: Uint8Array, target: Float32Array): void {
  if (isBlockType(type)) widenBlocks(type, bytes, target);
  else if (type === "float32") target.set(new Float32Array(bytes.buffer, bytes.byteOffset, target.length));
  else if (type === "float16" || type === "bfloat16") widenHalves(type, bytes, target);
  else throw new InternalError(`weights of type ${type} were let through`);
}

function widenHalves(type: "float16" | "bfloat16", bytes: Uint8Array, target: Float32Array): void {
  const halves = new Uint16Array(bytes.buffer, bytes.byteOffset, target.length);
  const targetBits = new Uint32Array(target.buffer, target.byteOffset, target.length);
  const table = type === "float16" ? float16Table() : undefined;
  for (const [index, half] of halves.entries())
    targetBits[index] = table === undefined ? half << 16 : (table[half] ?? 0);
}

let knownTable: Uint32Array | undefined;

/** The bits of the float32 for each float16: 256 KB, made once. */
function float16Table(): Uint32Array {
  knownTable ??= Uint32Array.from({ length: 0x10000 }, (_, half) => float32BitsOf(half));
  return knownTable;
}

function float32BitsOf(half: number): number {
  const sign = (half & 0x8000) << 16;
  const exponent = (half >> 10) & 31;
  const fraction = half & 1023;
  if (exponent === 31) return sign | 0x7f800000 | (fraction << 13);
  if (exponent !== 0) return sign | ((exponent + 112) << 23) | (fraction << 13);
  return sign | bitsOf(fraction * 2 ** -24);
}

const scratch = new Float32Array(1);
const scratchBits = new Uint32Array(scratch.buffer);

function bitsOf(number: number): number {
  scratch[0] = number;
  return scratchBits[0] ?? 0;
}

/** From here on a number is rounded to infinity. */
const limits: Readonly<Record<Exclude<ExportDtype, "float32">, number>> = {
  float16: 65_520,
  bfloat16: (2 - 2 ** -8) * 2 ** 127,
};

/** The first finite number that would be rounded to infinity, if there is one. */
export function findOverflow(dtype: ExportDtype, numbers: Float32Array): number | undefined {
  if (dtype === "float32") return undefined;
  const limit = limits[dtype];
  return numbers.find((number) => Math.abs(number) >= limit && Number.isFinite(number));
}

/** The numbers as they are stored, little-endian; of float32 their own bytes, not copied. */
export function narrow(dtype: ExportDtype, numbers: Float32Array): Uint8Array {
  if (dtype === "float32") return new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength);
  const round = dtype === "float16" ? float16Of : bfloat16Of;
  const bits = new Uint32Array(numbers.buffer, numbers.byteOffset, numbers.length);
  const halves = new Uint16Array(numbers.length);
  for (let index = 0; index < halves.length; index += 1) halves[index] = round(bits[index] ?? 0);
  return new Uint8Array(halves.buffer);
}

/** A float16 has 13 bits less of the fraction, and none of the exponents below -24 and above 15. */
function float16Of(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00; // not a number
  if (magnitude >= 0x477ff000) return sign | 0x7c00; // 65,520: half way to what would be the next
  if (magnitude < 0x38800000) return sign | subnormalOf(magnitude);
  const rebased = magnitude - 0x38000000;
  return sign | ((rebased + 0xfff + ((rebased >>> 13) & 1)) >>> 13);
}

/** Float32 numbers from 0.5 on are 2^-24 apart, as are float16's below 2^-14: the sum is rounded as is wanted. */
function subnormalOf(magnitude: number): number {
  scratchBits[0] = magnitude;
  return bitsOf((scratch[0] ?? 0) + 0.5) - 0x3f000000;
}

/** A bfloat16 is the upper half of a float32. */
function bfloat16Of(bits: number): number {
  if ((bits & 0x7fffffff) > 0x7f800000) return (bits >>> 16) | 0x40; // not a number, whatever the lower half has
  return (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
}
