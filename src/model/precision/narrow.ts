/**
 * A checkpoint's weights in float16: those that are stored so stay in their files, others are rounded once, to a file
 * that a session takes them from as it takes a checkpoint's own. Rounded in the graph instead, by Cast, the weights
 * would lie in the host's memory as float32 until the session is made; here it is some megabytes at a time.
 */
import { CheckpointError } from "../../errors.js";
import type { Checkpoint } from "../checkpoint/checkpoint.js";
import { quote } from "../checkpoint/messages.js";
import type { TensorRecord } from "../checkpoint/tensor-record.js";
import { findOverflow, narrow } from "../export/rounding.js";
import { storedNumbers } from "../export/stored-numbers.js";
import { writeTensorFile } from "./tensor-file.js";
import { TensorStore } from "./tensor-store.js";
import { weightsKey } from "./weights-key.js";

export interface NarrowedCheckpoint extends AsyncDisposable {
  /** The one given, where nothing was rounded. Its files may go when this is disposed of: a session has them by then. */
  readonly checkpoint: Checkpoint;
  /** What was rounded, for the log; none when nothing was. */
  readonly notes: readonly string[];
}

export interface NarrowOptions {
  /** Folder that keeps the file for later starts; without one it is a temporary file. */
  readonly weightsCache?: string | undefined;
  /** Of the checkpoint's files, where it is known: names the file. */
  readonly digest?: string | undefined;
}

/**
 * @param weights of the checkpoint that are to be in float16.
 * @throws {CheckpointError} when a weight has a number that float16 cannot hold, with the tensor's name.
 * @throws {ConfigurationError} when the file cannot be written.
 */
export async function narrowCheckpoint(
  checkpoint: Checkpoint,
  weights: readonly TensorRecord[],
  options: NarrowOptions = {},
): Promise<NarrowedCheckpoint> {
  const wide = weights.filter(({ elementType }) => elementType !== "float16");
  if (wide.length === 0) return { checkpoint, notes: [], [Symbol.asyncDispose]: () => Promise.resolve() };
  const store = new TensorStore(options.weightsCache, checkpoint.folder);
  try {
    const factors = wide.map((record) => ({ record, major: "output" as const }));
    const key = await weightsKey({ folder: checkpoint.folder, factors }, "float16", options.digest);
    const { tensors } = await store.get(`float16-${key}`, (file) => writeNarrowed(file, checkpoint.folder, wide));
    return {
      checkpoint: { ...checkpoint, tensors: withNarrowed(checkpoint.tensors, tensors) },
      notes: [`${wide.length} tensors rounded to float16`],
      [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
    };
  } catch (error) {
    await store[Symbol.asyncDispose]();
    throw error;
  }
}

function withNarrowed(
  tensors: Checkpoint["tensors"],
  narrowed: ReadonlyMap<string, TensorRecord>,
): ReadonlyMap<string, TensorRecord> {
  const replace = (record: TensorRecord): TensorRecord => {
    const { elementType, file, offset, byteLength } = narrowed.get(record.name) ?? record;
    return { ...record, elementType, file, offset, byteLength };
  };
  return new Map(Array.from(tensors, ([name, record]) => [name, replace(record)]));
}

async function writeNarrowed(file: string, folder: string, weights: readonly TensorRecord[]): Promise<void> {
  const list = new Map(weights.map(({ name, shape }) => [name, { elementType: "float16", shape }] as const));
  await writeTensorFile(file, list, async (append) => {
    for (const { name, elementType, shape, file: source, offset, byteLength } of weights) {
      const asStored = { name, elementType, shape, file: source, offset, byteLength }; // transposed stays transposed
      for await (const numbers of storedNumbers(folder, asStored)) {
        checkRange(asStored, numbers);
        await append(narrow("float16", numbers));
      }
    }
  });
}

function checkRange({ file, name }: TensorRecord, numbers: Float32Array): void {
  const overflow = findOverflow("float16", numbers);
  if (overflow === undefined) return;
  throw new CheckpointError(
    `${file}: tensor ${quote(name)} has the number ${overflow}, which float16 cannot hold: serve it on a CPU`,
  );
}
