/**
 * The least time that a step can take on a machine, after Williams, Waterman and Patterson (Roofline, 2009): every
 * weight is read once, every key and value that is attended to is read once, and every product is computed once.
 * Whichever of memory and arithmetic takes longer is the limit; all else is taken as free.
 */
import type { Gpt2Sizes } from "../checkpoint.js";

export interface StepPrecision {
  /** Of one weight, on average; scales included. */
  readonly weightBytes: number;
  /** Of one number in a key or a value. */
  readonly kvBytes: number;
}

/** Of a number as it is stored, block scales included (docs/decisions/0017-int8.md); int8 has a scale for a whole column. */
export const bytesOf = { float32: 4, float16: 2, int8: 1, "int8-block": 1 + 4 / 32, int4: 0.5 + 4 / 32 } as const;

export interface MachineRates {
  readonly bytesPerSecond: number;
  /** Multiplications and additions, each counted. */
  readonly operationsPerSecond: number;
}

export interface LeastTime {
  readonly memoryMs: number;
  readonly arithmeticMs: number;
  readonly leastMs: number;
  readonly limit: "memory" | "arithmetic";
}

/** Numbers in the matrices of the layers; biases and norms are left out. */
export function layerWeights({ layers, width }: Gpt2Sizes): number {
  return 12 * layers * width * width; // 3 + 1 for attention, 4 + 4 for the MLP
}

export function headWeights({ vocabularySize, width }: Gpt2Sizes): number {
  return vocabularySize * width;
}

/** One token for each of `rows` sequences, each with `contextTokens` in the cache. */
export function leastDecodeStep(
  sizes: Gpt2Sizes,
  precision: StepPrecision,
  rates: MachineRates,
  rows: number,
  contextTokens: number,
): LeastTime {
  const weights = layerWeights(sizes) + headWeights(sizes);
  const keysAndValues = 2 * sizes.layers * sizes.width * contextTokens * rows;
  const bytes = weights * precision.weightBytes + keysAndValues * precision.kvBytes;
  const operations = 2 * weights * rows + 2 * keysAndValues;
  return leastTime(bytes, operations, rates);
}

/** A prompt of one sequence; only its last token reaches the head. Token i attends to i + 1 tokens. */
export function leastPrefill(
  sizes: Gpt2Sizes,
  precision: StepPrecision,
  rates: MachineRates,
  promptTokens: number,
): LeastTime {
  const attended = (promptTokens * (promptTokens + 1)) / 2;
  const bytes = (layerWeights(sizes) + headWeights(sizes)) * precision.weightBytes;
  const products = 2 * layerWeights(sizes) * promptTokens + 2 * headWeights(sizes);
  return leastTime(bytes, products + 4 * sizes.layers * sizes.width * attended, rates);
}

function leastTime(bytes: number, operations: number, rates: MachineRates): LeastTime {
  const memoryMs = (1000 * bytes) / rates.bytesPerSecond;
  const arithmeticMs = (1000 * operations) / rates.operationsPerSecond;
  const leastMs = Math.max(memoryMs, arithmeticMs);
  return { memoryMs, arithmeticMs, leastMs, limit: memoryMs >= arithmeticMs ? "memory" : "arithmetic" };
}
