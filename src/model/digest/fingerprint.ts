/** A name for everything that decides the bits of an answer: the model, how it is computed, and on what. */
import { createHash } from "node:crypto";
import type { Precision } from "../precision/dtypes.js";
import { computingTraits, thisProcessor, type Processor } from "../precision/processor.js";

export interface Computation extends Precision {
  /** Of the model's files. */
  readonly digest: string;
  /** Of ONNX Runtime. */
  readonly ortVersion: string;
  /** Of Ortler, which has the graph and the sampling. */
  readonly version: string;
  /** Name of the GPU that computes; undefined where the processor does. */
  readonly deviceName?: string | undefined;
}

/**
 * Where two servers have the same, the same request and seed are meant to give the same answer (on a GPU: run alone).
 * @returns `fp_` and 12 hexadecimal digits.
 */
export function fingerprintOf(computation: Computation, processor: Processor = thisProcessor()): string {
  const { digest, dtype, kvDtype, ortVersion, version, deviceName } = computation;
  const traits = deviceName === undefined ? computingTraits(processor) : [deviceName];
  const parts = [digest, dtype, kvDtype, ortVersion, version, ...traits];
  return `fp_${createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 12)}`;
}
