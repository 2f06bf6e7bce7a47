/** Where a tensor lies in a checkpoint, and what it is; the bytes themselves are never read here. */

/**
 * Element types of the safetensors format that a checkpoint may hold, and those of GGUF whose numbers come in blocks.
 * Only float32, float16, bfloat16 and blocks can be served as weights; the others occur as buffers beside them.
 */
export type ElementType =
  | BlockType
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

/** ggml's types in which some numbers share scales. They are widened to float32 before a graph has them. */
export type BlockType = "q8_0" | "q4_0" | "q6_k";

/** Numbers and bytes of one block (ggml-common.h). */
export const blockSizes: Readonly<Record<BlockType, { readonly elements: number; readonly bytes: number }>> = {
  q8_0: { elements: 32, bytes: 34 },
  q4_0: { elements: 32, bytes: 18 },
  q6_k: { elements: 256, bytes: 210 },
};

export function isBlockType(type: ElementType): type is BlockType {
  return type in blockSizes;
}

/** Bytes of one element; of one in a block, its share of the block, which a float has exactly. */
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
  q8_0: blockSizes.q8_0.bytes / blockSizes.q8_0.elements,
  q4_0: blockSizes.q4_0.bytes / blockSizes.q4_0.elements,
  q6_k: blockSizes.q6_k.bytes / blockSizes.q6_k.elements,
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
  /**
   * A matrix that is stored with its axes the other way round than the architecture's own library has them; `shape` is
   * as stored.
   */
  readonly isTransposed?: true;
}
