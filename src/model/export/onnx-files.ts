import { InternalError } from "../../errors.js";
import type { Checkpoint } from "../checkpoint/checkpoint.js";
import type { TensorRecord } from "../checkpoint/tensor-record.js";
import { onnxFileNames, type ExportDtype } from "./formats.js";
import { gpt2Onnx } from "./onnx-gpt2.js";
import { placeWeights, type WeightFile } from "./weight-file.js";

/** A page: what ONNX asks of external data, so that it can be mapped. */
const alignment = 4096;

type WriteGraph = (config: Checkpoint["config"], tensors: ReadonlyMap<string, TensorRecord>) => Uint8Array;

/** By the architecture's name. */
const graphs: ReadonlyMap<string, WriteGraph> = new Map([["gpt2", gpt2Onnx]]);

export interface OnnxFiles {
  /** A few KB. */
  readonly graph: Uint8Array;
  readonly weights: WeightFile;
}

/**
 * An ONNX model and the file of its weights, to lie beside it.
 * @param architecture name of the one that `checkpoint` was read with.
 * @param weights of the checkpoint, each once.
 */
export function onnxFiles(
  checkpoint: Checkpoint,
  architecture: string,
  weights: readonly TensorRecord[],
  dtype: ExportDtype,
): OnnxFiles {
  const write = graphs.get(architecture);
  if (write === undefined) throw new InternalError(`no ONNX graph for ${architecture}`);
  const name = onnxFileNames.weights;
  const placed = placeWeights(weights, dtype, name, alignment);
  const tensors = new Map(placed.map(({ target }) => [target.name, target]));
  return { graph: write(checkpoint.config, tensors), weights: { name, head: new Uint8Array(0), weights: placed } };
}
