/** Weights on their way to a file of another layout, one after the other: memory holds some megabytes of them. */
import { open, type FileHandle } from "node:fs/promises";
import { CheckpointError } from "../../errors.js";
import { quote } from "../checkpoint/messages.js";
import { bytesPerElement, type TensorRecord } from "../checkpoint/tensor-record.js";
import type { ExportDtype } from "./formats.js";
import { findOverflow, narrow } from "./rounding.js";
import { storedNumbers } from "./stored-numbers.js";

/** A weight where it is and where it will be. */
export interface PlacedWeight {
  readonly source: TensorRecord;
  /** Offsets count from where the file's tensors begin. */
  readonly target: TensorRecord & { readonly elementType: ExportDtype };
}

/** A file that is nothing but a head and the weights at their places. */
export interface WeightFile {
  /** Base name. */
  readonly name: string;
  readonly head: Uint8Array;
  readonly weights: readonly PlacedWeight[];
}

/**
 * Gives every weight its place in `file`, in their order, each at a multiple of `alignment` bytes. Matrices that were
 * stored transposed will not be.
 */
export function placeWeights(
  weights: readonly TensorRecord[],
  dtype: ExportDtype,
  file: string,
  alignment = 1,
): PlacedWeight[] {
  let end = 0;
  return weights.map((source) => {
    const { name, isTransposed } = source;
    const shape = isTransposed === true ? source.shape.toReversed() : source.shape;
    const byteLength = shape.reduce((product, size) => product * size, bytesPerElement[dtype]);
    const offset = Math.ceil(end / alignment) * alignment;
    end = offset + byteLength;
    return { source, target: { name, elementType: dtype, shape, file, offset, byteLength } };
  });
}

export function byteLengthOf({ head, weights }: WeightFile): number {
  const last = weights.at(-1)?.target;
  return head.length + (last === undefined ? 0 : last.offset + last.byteLength);
}

export interface WriteOptions {
  /** That the sources' files are relative to. */
  readonly folder: string;
  readonly signal: AbortSignal;
}

/**
 * Writes the file at `path`.
 * @throws {CheckpointError} when a weight cannot be read, or has a number that the type does not hold.
 * @throws the system's own error when the file cannot be written.
 */
export async function writeWeightFile(path: string, file: WeightFile, options: WriteOptions): Promise<void> {
  const handle = await open(path, "wx");
  try {
    await handle.writeFile(file.head);
    let end = 0;
    for (const weight of file.weights) {
      const { offset, byteLength } = weight.target;
      await handle.writeFile(new Uint8Array(offset - end));
      await writeWeight(handle, weight, options);
      end = offset + byteLength;
    }
  } finally {
    await handle.close();
  }
}

async function writeWeight(handle: FileHandle, { source, target }: PlacedWeight, options: WriteOptions): Promise<void> {
  const dtype = target.elementType;
  for await (const numbers of storedNumbers(options.folder, source)) {
    options.signal.throwIfAborted();
    const overflow = findOverflow(dtype, numbers);
    if (overflow !== undefined) throw beyond(source, dtype, overflow);
    await handle.writeFile(narrow(dtype, numbers));
  }
}

function beyond({ file, name }: TensorRecord, dtype: ExportDtype, number: number): CheckpointError {
  return new CheckpointError(
    `${file}: tensor ${quote(name)} has the number ${number}, which ${dtype} cannot hold: convert to a wider type`,
  );
}
