/** What was measured of decoding beside what the device's memory, and PyTorch, would allow. */
import type { Model } from "../../src/model/index.js";
import { bytesOf, leastDecodeStep, type StepPrecision } from "../roofline/least-time.js";
import type { DecodeRate } from "./decode.js";
import type { PyTorchRate } from "./pytorch.js";
import type { GpuScenario } from "./scenario.js";

export interface DecodeRow extends DecodeRate {
  /** To read the weights once, and each stream's keys and values, at the device's bandwidth. */
  readonly leastMs: number | undefined;
  /** `leastMs` over `stepMs`: 1 is the limit. */
  readonly achieved: number | undefined;
  readonly pytorchMs: number | undefined;
  /** Tokens a second, to PyTorch's. */
  readonly toPytorch: number | undefined;
}

/** @param bytesPerSecond of the device; undefined where it is not known. */
export function compareDecode(
  rate: DecodeRate,
  { checkpoint, contextTokens }: Pick<GpuScenario, "checkpoint" | "contextTokens">,
  precision: StepPrecision,
  bytesPerSecond: number | undefined,
  pytorch: readonly PyTorchRate[],
): DecodeRow {
  const { streams, stepMs } = rate;
  const memory = { bytesPerSecond: bytesPerSecond ?? NaN, operationsPerSecond: Infinity }; // arithmetic counts nothing
  const { memoryMs } = leastDecodeStep(checkpoint.sizes, precision, memory, streams, contextTokens);
  const leastMs = bytesPerSecond === undefined ? undefined : memoryMs;
  const pytorchMs = pytorch.find((other) => other.streams === streams)?.stepMs;
  return {
    ...rate,
    leastMs,
    achieved: leastMs === undefined ? undefined : leastMs / stepMs,
    pytorchMs,
    toPytorch: pytorchMs === undefined ? undefined : pytorchMs / stepMs,
  };
}

/** Bytes of a weight, scales included, and of a number in the cache. */
export function precisionOf({ dtype, kvDtype }: Pick<Model, "dtype" | "kvDtype">): StepPrecision {
  return { weightBytes: bytesOf[dtype], kvBytes: bytesOf[kvDtype] };
}
