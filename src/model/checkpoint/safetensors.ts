/**
 * Reads the header of a safetensors file: 8 bytes of length (little-endian), a JSON object, then the tensors'
 * bytes without gaps (https://huggingface.co/docs/safetensors). The tensors themselves are not read.
 *
 * Every claim of the header is checked against the file before anything uses it, since the records become
 * addresses in mapped memory.
 */
import { open, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { inspect } from "node:util";
import { CheckpointError } from "../../errors.js";
import { findDuplicateKey, isJsonObject, parseJsonObject, unreadable } from "./json.js";
import { quote } from "./messages.js";
import { bytesPerElement, type ElementType, type TensorRecord } from "./tensor-record.js";

/** Bytes of the length in front of the header. */
const lengthBytes = 8;
/** The limit of the reference implementation. */
const maxHeaderBytes = 100_000_000;

const elementTypes: ReadonlyMap<unknown, ElementType> = new Map<unknown, ElementType>([
  ["BOOL", "bool"],
  ["U8", "uint8"],
  ["I8", "int8"],
  ["U16", "uint16"],
  ["I16", "int16"],
  ["F16", "float16"],
  ["BF16", "bfloat16"],
  ["U32", "uint32"],
  ["I32", "int32"],
  ["F32", "float32"],
  ["U64", "uint64"],
  ["I64", "int64"],
  ["F64", "float64"],
  ["C64", "complex64"],
  ["F8_E4M3", "float8_e4m3"],
  ["F8_E5M2", "float8_e5m2"],
  ["F8_E8M0", "float8_e8m0"],
]);

/**
 * The tensors of one safetensors file, in the header's order. `file` is relative to `folder`.
 * @throws {CheckpointError} when the file is unreadable or its header does not describe it exactly.
 */
export async function readSafetensors(folder: string, file: string): Promise<TensorRecord[]> {
  const { json, dataStart, fileBytes } = await readHeader(folder, file);
  const { __metadata__: metadata, ...entries } = parseJsonObject(json, `${file}: header`);
  const duplicate = findDuplicateKey(json);
  if (duplicate !== undefined) throw new CheckpointError(`${file}: header has ${quote(duplicate)} twice`);
  if (metadata !== undefined && !isJsonObject(metadata)) {
    throw new CheckpointError(`${file}: __metadata__ must be an object, got ${show(metadata)}`);
  }
  const records = Object.entries(entries).map(([name, entry]) => toRecord(file, name, entry, dataStart));
  checkLayout(file, records, dataStart, fileBytes);
  return records;
}

interface Header {
  readonly json: string;
  /** Byte of the file at which the first tensor starts. */
  readonly dataStart: number;
  readonly fileBytes: number;
}

async function readHeader(folder: string, file: string): Promise<Header> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(join(folder, file));
    const fileBytes = (await handle.stat()).size;
    const headerBytes = await readHeaderLength(handle, file, fileBytes);
    const bytes = await readBytes(handle, file, lengthBytes, headerBytes);
    return { json: decodeHeader(bytes, file), dataStart: lengthBytes + headerBytes, fileBytes };
  } catch (error) {
    throw error instanceof CheckpointError ? error : unreadable(file, error);
  } finally {
    await handle?.close();
  }
}

async function readHeaderLength(handle: FileHandle, file: string, fileBytes: number): Promise<number> {
  if (fileBytes < lengthBytes) {
    throw new CheckpointError(`${file}: truncated, its ${fileBytes} bytes do not even hold the header's length`);
  }
  const length = (await readBytes(handle, file, 0, lengthBytes)).readBigUInt64LE();
  if (length > BigInt(maxHeaderBytes)) {
    throw new CheckpointError(
      `${file}: not a safetensors file, its header length ${String(length)} is above the limit of ${maxHeaderBytes} bytes`,
    );
  }
  if (lengthBytes + Number(length) > fileBytes) {
    throw new CheckpointError(
      `${file}: truncated or not a safetensors file, a header of ${String(length)} bytes in a file of ${fileBytes}`,
    );
  }
  return Number(length);
}

async function readBytes(handle: FileHandle, file: string, position: number, length: number): Promise<Buffer> {
  const { bytesRead, buffer } = await handle.read(Buffer.alloc(length), 0, length, position);
  if (bytesRead < length) throw new CheckpointError(`${file}: changed while it was read`);
  return buffer;
}

function decodeHeader(bytes: Buffer, file: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    throw new CheckpointError(`${file}: header is not valid UTF-8`, { cause: error });
  }
}

function toRecord(file: string, name: string, entry: unknown, dataStart: number): TensorRecord {
  const lie = (what: string) => new CheckpointError(`${file}: tensor ${quote(name)}: ${what}`);
  if (!isJsonObject(entry)) throw lie(`entry must be an object, got ${show(entry)}`);
  const { dtype, shape, data_offsets: offsets } = entry;

  const elementType = elementTypes.get(dtype);
  if (elementType === undefined) {
    throw lie(`unknown dtype ${show(dtype)} (known: ${[...elementTypes.keys()].join(", ")})`);
  }
  if (!isSizeArray(shape)) throw lie(`shape must be an array of whole numbers >= 0, got ${show(shape)}`);
  if (!isInterval(offsets))
    throw lie(`data_offsets must be two whole numbers, 0 <= begin <= end, got ${show(offsets)}`);

  const [begin, end] = offsets;
  const expected = shape.reduce((product, size) => product * size, bytesPerElement[elementType]);
  if (end - begin !== expected) {
    throw lie(`shape ${show(shape)} of ${String(dtype)} takes ${expected} bytes, data_offsets give ${end - begin}`);
  }
  return { name, elementType, shape, file, offset: dataStart + begin, byteLength: expected };
}

/** The tensors must tile the file from `dataStart` to its end: no overlap, no gap, nothing missing or left over. */
function checkLayout(file: string, records: readonly TensorRecord[], dataStart: number, fileBytes: number): void {
  const sorted = records.toSorted((a, b) => a.offset - b.offset || a.byteLength - b.byteLength);
  const beyond = sorted.find((record) => endOf(record) > fileBytes);
  if (beyond !== undefined) {
    throw new CheckpointError(
      `${file}: tensor ${quote(beyond.name)} ends at byte ${endOf(beyond)} but the file has ${fileBytes}: truncated, or the header lies`,
    );
  }
  let end = dataStart;
  for (const [index, record] of sorted.entries()) {
    if (record.offset < end) {
      throw new CheckpointError(
        `${file}: tensors ${quote(sorted[index - 1]?.name ?? "")} and ${quote(record.name)} overlap`,
      );
    }
    if (record.offset > end) throw unclaimed(file, end, record.offset);
    end = endOf(record);
  }
  if (end < fileBytes) throw unclaimed(file, end, fileBytes);
}

function endOf(record: TensorRecord): number {
  return record.offset + record.byteLength;
}

function unclaimed(file: string, begin: number, end: number): CheckpointError {
  return new CheckpointError(`${file}: the ${end - begin} bytes at [${begin}, ${end}) belong to no tensor`);
}

function isSize(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

function isSizeArray(value: unknown): value is number[] {
  return Array.isArray(value) && value.every(isSize);
}

function isInterval(value: unknown): value is [number, number] {
  return isSizeArray(value) && value.length === 2 && Number(value[0]) <= Number(value[1]);
}

function show(value: unknown): string {
  return inspect(value, { breakLength: Infinity, maxArrayLength: 8, maxStringLength: 80, depth: 1 });
}
