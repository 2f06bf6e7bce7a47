/** Where a tensor lies in a checkpoint, and what it is; the bytes themselves are never read here. */

/**
 * Element types of the safetensors format that a checkpoint may hold. Only float32, float16 and bfloat16
 * can be served as weights; the others occur as buffers beside them.
 */
export type ElementType =
  | "bool"
  | "uint8"
  | "int8"
  | "uint16"
  | "int16"
  | "float16"
  | "bfloat16"
  | "uint32"
  | "int32"
  | "float32"
  | "uint64"
  | "int64"
  | "float64"
  | "complex64"
  | "float8_e4m3"
  | "float8_e5m2"
  | "float8_e8m0";

/** Bytes of one element. */
export const bytesPerElement: Readonly<Record<ElementType, number>> = {
  bool: 1,
  uint8: 1,
  int8: 1,
  uint16: 2,
  int16: 2,
  float16: 2,
  bfloat16: 2,
  uint32: 4,
  int32: 4,
  float32: 4,
  uint64: 8,
  int64: 8,
  float64: 8,
  complex64: 8,
  float8_e4m3: 1,
  float8_e5m2: 1,
  float8_e8m0: 1,
};

/** One tensor: the bytes [offset, offset + byteLength) of a file, little-endian, in row-major order. */
export interface TensorRecord {
  readonly name: string;
  readonly elementType: ElementType;
  /** Empty for a scalar. */
  readonly shape: readonly number[];
  /** Name relative to the checkpoint's folder. */
  readonly file: string;
  /** Bytes from the start of the file. */
  readonly offset: number;
  readonly byteLength: number;
}
