/**
 * Widens a checkpoint's blocks of few bits to float32 before a graph is made: ONNX Runtime has no operator that reads
 * ggml's blocks. The numbers go into a file that is mapped like a checkpoint's own.
 */
import { open } from "node:fs/promises";
import path from "node:path";
import { CheckpointError } from "../../../errors.js";
import { TensorFileWriter, type TensorList } from "../../precision/tensor-file.js";
import { TensorStore } from "../../precision/tensor-store.js";
import { weightsKey } from "../../precision/weights-key.js";
import type { Checkpoint } from "../checkpoint.js";
import { blockSizes, isBlockType, type BlockType, type TensorRecord } from "../tensor-record.js";
import { widenBlocks } from "./widen-blocks.js";

export interface WidenedCheckpoint extends AsyncDisposable {
  /** The one given, where it has no blocks. Its files may go when this is disposed of: a session maps them before. */
  readonly checkpoint: Checkpoint;
  /** What was widened, for the log; none when nothing was. */
  readonly notes: readonly string[];
}

interface BlockRecord extends TensorRecord {
  readonly elementType: BlockType;
}

/** Whole blocks of every type. */
const defaultNumbersAtOnce = 2 ** 20;

/**
 * @param weightsCache folder that keeps the numbers for later starts; without one they are in a temporary file.
 * @param numbersAtOnce numbers that are in memory at once, a multiple of 256.
 * @throws {ConfigurationError} when the file cannot be written.
 */
export async function widenCheckpoint(
  checkpoint: Checkpoint,
  weightsCache: string | undefined,
  numbersAtOnce: number = defaultNumbersAtOnce,
): Promise<WidenedCheckpoint> {
  const blocks = [...checkpoint.tensors.values()].filter((record): record is BlockRecord =>
    isBlockType(record.elementType),
  );
  if (blocks.length === 0) return { checkpoint, notes: [], [Symbol.asyncDispose]: () => Promise.resolve() };
  const store = new TensorStore(weightsCache, checkpoint.folder);
  try {
    const factors = blocks.map((record) => ({ record, major: "output" as const }));
    const key = await weightsKey({ folder: checkpoint.folder, factors }, "float32");
    const { tensors } = await store.get(`widened-${key}`, (file) =>
      widenTo(file, checkpoint.folder, blocks, numbersAtOnce),
    );
    return {
      checkpoint: { ...checkpoint, tensors: withWidened(checkpoint.tensors, tensors) },
      notes: [noteOn(blocks)],
      [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
    };
  } catch (error) {
    await store[Symbol.asyncDispose]();
    throw error;
  }
}

function noteOn(blocks: readonly BlockRecord[]): string {
  const types = [...new Set(blocks.map(({ elementType }) => elementType.toUpperCase()))].join(" and ");
  return `${blocks.length} tensors in ${types} widened to float32`;
}

function withWidened(
  tensors: Checkpoint["tensors"],
  widened: ReadonlyMap<string, TensorRecord>,
): ReadonlyMap<string, TensorRecord> {
  const replace = (record: TensorRecord): TensorRecord => {
    const { elementType, file, offset, byteLength } = widened.get(record.name) ?? record;
    return { ...record, elementType, file, offset, byteLength };
  };
  return new Map(Array.from(tensors, ([name, record]) => [name, replace(record)]));
}

async function widenTo(
  file: string,
  folder: string,
  blocks: readonly BlockRecord[],
  numbersAtOnce: number,
): Promise<void> {
  const list: TensorList = new Map(blocks.map(({ name, shape }) => [name, { elementType: "float32", shape }]));
  const writer = await TensorFileWriter.create(file, list);
  try {
    for (const record of blocks) await widenOne(writer, folder, record, numbersAtOnce);
    await writer.finish();
  } catch (error) {
    await writer.abandon();
    throw error;
  }
}

async function widenOne(
  writer: TensorFileWriter,
  folder: string,
  record: BlockRecord,
  numbersAtOnce: number,
): Promise<void> {
  const { elements, bytes } = blockSizes[record.elementType];
  const source = new Uint8Array(Math.min(record.byteLength, (numbersAtOnce / elements) * bytes));
  const target = new Float32Array((source.length / bytes) * elements);
  const handle = await open(path.join(folder, record.file));
  try {
    for (let done = 0; done < record.byteLength; done += source.length) {
      const slice = source.subarray(0, record.byteLength - done);
      const { bytesRead } = await handle.read(slice, 0, slice.length, record.offset + done);
      if (bytesRead < slice.length) throw new CheckpointError(`${record.file}: changed while it was read`);
      const numbers = target.subarray(0, (slice.length / bytes) * elements);
      widenBlocks(record.elementType, slice, numbers);
      await writer.append(new Uint8Array(numbers.buffer, 0, numbers.byteLength));
    }
  } finally {
    await handle.close();
  }
}
