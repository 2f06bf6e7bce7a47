/**
 * The conversions with which the original builds its backend's message: Python numbers into unsigned protobuf fields.
 * What does not fit is refused in the words of Python and its protobuf library.
 */
import { ParameterError } from "./errors.js";

const uint32Max = 2n ** 32n - 1n;
const uint64Max = 2n ** 64n - 1n;

/** @throws {ParameterError} `Value out of range: {value}`. */
export function toUint32(value: bigint): number {
  return Number(inRange(value, uint32Max));
}

/** @throws {ParameterError} `Value out of range: {value}`. */
export function toUint64(value: bigint): bigint {
  return inRange(value, uint64Max);
}

/**
 * Whole milliseconds, truncated toward zero; a later `toUint32` says whether they fit.
 * @throws {ParameterError} for NaN and infinities, the latter as INTERNAL.
 */
export function toMilliseconds(seconds: number): bigint {
  const milliseconds = seconds * 1000;
  if (Number.isNaN(milliseconds)) {
    throw new ParameterError("ValueError", "cannot convert float NaN to integer");
  }
  if (!Number.isFinite(milliseconds)) {
    throw new ParameterError("OverflowError", "cannot convert float infinity to integer");
  }
  return BigInt(Math.trunc(milliseconds));
}

function inRange(value: bigint, max: bigint): bigint {
  if (value < 0n || value > max) throw new ParameterError("ValueError", `Value out of range: ${value}`);
  return value;
}
