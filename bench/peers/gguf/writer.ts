/**
 * Writes GGUF files, version 3, little-endian (https://github.com/ggml-org/ggml/blob/master/docs/gguf.md): a head with
 * metadata and the tensors' descriptions, then the tensors, each at a multiple of the alignment.
 */
import { open } from "node:fs/promises";
import { encode, ggmlTypes, type GgmlType } from "./blocks.js";

/** A float is marked, since JavaScript has one type of number: plain ones are written as uint32. */
export type MetadataValue = string | number | { readonly float32: number } | readonly string[] | Int32Array;

export interface GgufTensor {
  readonly name: string;
  readonly type: GgmlType;
  /** Outermost first, as everywhere but in GGUF. */
  readonly shape: readonly number[];
  /** Read when it is written, so that one tensor at a time is in memory. */
  readonly read: () => Promise<Float32Array>;
}

const version = 3;
/** The format's default. */
const alignment = 32;

export async function writeGguf(
  file: string,
  metadata: Readonly<Record<string, MetadataValue>>,
  tensors: readonly GgufTensor[],
): Promise<void> {
  const handle = await open(file, "w");
  try {
    await handle.writeFile(padded(ggufHead(metadata, tensors)));
    for (const { type, read } of tensors) await handle.writeFile(padded(encode(type, await read())));
  } finally {
    await handle.close();
  }
}

function ggufHead(metadata: Readonly<Record<string, MetadataValue>>, tensors: readonly GgufTensor[]): Uint8Array {
  const entries = Object.entries(metadata);
  const parts = [Buffer.from("GGUF"), uint32(version), uint64(tensors.length), uint64(entries.length)];
  for (const [key, value] of entries) parts.push(string(key), ...valueParts(value));
  let offset = 0;
  for (const { name, type, shape } of tensors) {
    parts.push(string(name), uint32(shape.length), ...shape.toReversed().map(uint64));
    parts.push(uint32(ggmlTypes[type].number), uint64(offset));
    offset += alignedLength(byteLength(type, shape));
  }
  return Buffer.concat(parts);
}

function byteLength(type: GgmlType, shape: readonly number[]): number {
  const { elements, bytes } = ggmlTypes[type];
  return (shape.reduce((product, size) => product * size, 1) / elements) * bytes;
}

/** The type's number in the format, then the value. */
function valueParts(value: MetadataValue): Buffer[] {
  if (typeof value === "string") return [uint32(8), string(value)];
  if (typeof value === "number") return [uint32(4), uint32(value)];
  if (value instanceof Int32Array) return [uint32(9), uint32(5), uint64(value.length), Buffer.from(value.buffer)];
  if ("float32" in value) return [uint32(6), float32(value.float32)];
  return [uint32(9), uint32(8), uint64(value.length), ...value.map(string)];
}

function string(text: string): Buffer {
  return Buffer.concat([uint64(Buffer.byteLength(text)), Buffer.from(text)]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function uint64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}

function float32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(value);
  return bytes;
}

const alignedLength = (bytes: number): number => Math.ceil(bytes / alignment) * alignment;

function padded(bytes: Uint8Array): Uint8Array {
  return Buffer.concat([bytes, Buffer.alloc(alignedLength(bytes.length) - bytes.length)]);
}
