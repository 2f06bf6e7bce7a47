/** Converts a checkpoint to a folder that others read: transformers, or whoever runs ONNX. */
import { writeFile } from "node:fs/promises";
import { architectureOf, type Blueprint } from "../architectures/index.js";
import { openCheckpoint, type Checkpoint } from "../checkpoint/checkpoint.js";
import type { TensorRecord } from "../checkpoint/tensor-record.js";
import { resolveLocalModel } from "../source/local.js";
import { writeCompanions } from "./companions.js";
import { exportDtypes, onnxFileNames, type ExportDtype, type ExportFormat } from "./formats.js";
import { onnxFiles } from "./onnx-files.js";
import { OutputFolder } from "./output-folder.js";
import { safetensorsFile } from "./safetensors-file.js";
import { byteLengthOf, writeWeightFile, type WeightFile } from "./weight-file.js";

export interface ExportOptions {
  /** Whatever can be served from this machine's disk. */
  readonly source: string;
  readonly destination: string;
  readonly format: ExportFormat;
  /** How weights are stored; by default as they are, where all are one type that can be, else float32. */
  readonly dtype?: ExportDtype | undefined;
  /** Whether a model in the destination is replaced. */
  readonly isOverwriting: boolean;
  /** Leaves the destination as it was. */
  readonly signal: AbortSignal;
}

export interface Exported {
  /** Absolute. */
  readonly folder: string;
  /** In the order in which they came. */
  readonly files: readonly string[];
  readonly dtype: ExportDtype;
  readonly tensors: number;
  readonly weightBytes: number;
  /** What could not be converted, and why. */
  readonly notes: readonly string[];
}

/**
 * Tensor by tensor, some megabytes at a time. The destination changes once all is written.
 *
 * @throws {CheckpointError} when the source cannot be served, or has numbers that `dtype` does not hold.
 * @throws {ConfigurationError} when the source is not there, or the destination is not empty or cannot be written.
 */
export async function exportModel(options: ExportOptions): Promise<Exported> {
  const { folder: path } = await resolveLocalModel(options.source);
  const checkpoint = await openCheckpoint(path);
  const architecture = architectureOf(checkpoint);
  const { weights, shape } = architecture.read(checkpoint);
  const dtype = options.dtype ?? commonDtype(weights);
  const { graph, weightFile } = planFiles(options.format, checkpoint, {
    architecture: architecture.name,
    weights,
    dtype,
  });

  await using output = await OutputFolder.open(options.destination, checkpoint.folder, options.isOverwriting);
  await output.checkRoom(byteLengthOf(weightFile));
  const writeOptions = { folder: checkpoint.folder, signal: options.signal };
  await output.write(weightFile.name, (file) => writeWeightFile(file, weightFile, writeOptions));
  if (graph !== undefined) await output.write(onnxFileNames.graph, (file) => writeFile(file, graph));
  const notes = await writeCompanions({ checkpoint, path, positions: shape.positions }, output, dtype);
  options.signal.throwIfAborted();
  const files = await output.publish();
  const weightBytes = weightFile.weights.reduce((sum, { target }) => sum + target.byteLength, 0);
  return { folder: output.folder, files, dtype, tensors: weights.length, weightBytes, notes };
}

/** The smallest type that holds every number exactly: mixed types and blocks of few bits are float32. */
function commonDtype(weights: readonly TensorRecord[]): ExportDtype {
  const types = new Set(weights.map(({ elementType }) => elementType));
  return exportDtypes.find((dtype) => types.size === 1 && types.has(dtype)) ?? "float32";
}

interface Plan extends Pick<Blueprint, "weights"> {
  readonly architecture: string;
  readonly dtype: ExportDtype;
}

function planFiles(
  format: ExportFormat,
  checkpoint: Checkpoint,
  { architecture, weights, dtype }: Plan,
): { readonly graph?: Uint8Array; readonly weightFile: WeightFile } {
  if (format === "safetensors") return { weightFile: safetensorsFile(weights, dtype) };
  const { graph, weights: weightFile } = onnxFiles(checkpoint, architecture, weights, dtype);
  return { graph, weightFile };
}
