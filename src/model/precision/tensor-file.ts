/**
 * Files of tensors that are made here: safetensors, read back like a checkpoint's own, whose last tensor is a checksum
 * of all bytes before it. Written under another name and renamed when whole; a file that was cut off or damaged later
 * is found by its checksum.
 */
import { randomUUID } from "node:crypto";
import { open, rename, rm, type FileHandle } from "node:fs/promises";
import path from "node:path";
import { crc32 } from "node:zlib";
import { CheckpointError, InternalError } from "../../errors.js";
import { readSafetensors } from "../checkpoint/safetensors.js";
import { bytesPerElement, type TensorRecord } from "../checkpoint/tensor-record.js";
import type { StoredType } from "./scheme.js";

/** The tensors of a file in their order. */
export type TensorList = ReadonlyMap<string, StoredType>;

const checksumName = "checksum";
const checksumType = { elementType: "uint32", shape: [] } as const;
const checksumBytes = 4;
/** safetensors' names. */
const dtypes = { float32: "F32", float16: "F16", int8: "I8", uint8: "U8", uint32: "U32" } as const;

/**
 * Writes a file: `write` is given what takes the next bytes of the next tensor. It has its name when all are written;
 * when that fails nothing is left behind.
 */
export async function writeTensorFile(
  file: string,
  tensors: TensorList,
  write: (append: (bytes: Uint8Array) => Promise<void>) => Promise<void>,
): Promise<void> {
  const writer = await TensorFileWriter.create(file, tensors);
  try {
    await write((bytes) => writer.append(bytes));
    await writer.finish();
  } catch (error) {
    await writer.abandon();
    throw error;
  }
}

/** For a file that is not written by one function: who creates one finishes or abandons it. */
export class TensorFileWriter {
  #checksum = 0;
  #left: number;

  private constructor(
    private readonly file: string,
    private readonly partial: string,
    private readonly handle: FileHandle,
    bytes: number,
  ) {
    this.#left = bytes;
  }

  static async create(file: string, tensors: TensorList): Promise<TensorFileWriter> {
    const partial = `${file}.${randomUUID()}.part`; // others may be making the same file: each has one of its own
    const handle = await open(partial, "w");
    const { header, dataBytes } = headerOf(tensors);
    const writer = new TensorFileWriter(file, partial, handle, header.byteLength + dataBytes);
    await writer.append(header);
    return writer;
  }

  /** The next bytes of the next tensor. */
  async append(bytes: Uint8Array): Promise<void> {
    await this.handle.writeFile(bytes);
    this.#checksum = crc32(bytes, this.#checksum);
    this.#left -= bytes.byteLength;
  }

  /** Ends the file and gives it its name. */
  async finish(): Promise<void> {
    if (this.#left !== 0) throw new InternalError(`${this.file} was closed with ${this.#left} bytes missing`);
    await this.handle.writeFile(new Uint8Array(Uint32Array.of(this.#checksum).buffer));
    await this.handle.close();
    await rename(this.partial, this.file);
  }

  /** Leaves nothing behind. */
  async abandon(): Promise<void> {
    await this.handle.close();
    await rm(this.partial, { force: true });
  }
}

function headerOf(tensors: TensorList): { readonly header: Uint8Array; readonly dataBytes: number } {
  const entries: Record<string, unknown> = {};
  let offset = 0;
  for (const [name, { elementType, shape }] of [...tensors, [checksumName, checksumType] as const]) {
    const end = offset + shape.reduce((product, size) => product * size, bytesPerElement[elementType]);
    entries[name] = { dtype: dtypes[elementType], shape, data_offsets: [offset, end] };
    offset = end;
  }
  const json = Buffer.from(JSON.stringify(entries));
  const padded = Buffer.concat([json, Buffer.alloc(-json.length & 63, " ")]); // data at a multiple of 8: lengths are added
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(padded.length));
  return { header: Buffer.concat([length, padded]), dataBytes: offset - checksumBytes };
}

/**
 * The tensors that a file's header tells of, by name; their `file` is relative to `folder`. Undefined when there is no
 * such file, or its length and header do not fit: what lies behind the header is not read, `isWhole` looks at that.
 */
export async function readTensorFile(
  file: string,
  folder: string,
): Promise<ReadonlyMap<string, TensorRecord> | undefined> {
  try {
    const records = await readSafetensors(path.dirname(file), path.basename(file));
    const relative = path.relative(folder, file);
    return new Map(records.map((record) => [record.name, { ...record, file: relative }]));
  } catch (error) {
    if (error instanceof CheckpointError) return undefined;
    throw error;
  }
}

const sliceBytes = 1 << 20;

/** Whether every byte of the file is as it was written. */
export async function isWhole(file: string): Promise<boolean> {
  const handle = await open(file);
  try {
    const { size } = await handle.stat();
    if (size <= checksumBytes) return false;
    const slice = new Uint8Array(sliceBytes);
    let checksum = 0;
    for (let left = size - checksumBytes; left > 0;) {
      const { bytesRead } = await handle.read(slice, 0, Math.min(left, sliceBytes));
      if (bytesRead === 0) return false;
      checksum = crc32(slice.subarray(0, bytesRead), checksum);
      left -= bytesRead;
    }
    const stored = new Uint32Array(1);
    await handle.read(new Uint8Array(stored.buffer), 0, checksumBytes);
    return stored[0] === checksum;
  } finally {
    await handle.close();
  }
}
