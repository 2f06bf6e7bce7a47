/**
 * Writes zip files as torch does: entries stored as they are, their data at multiples of 64, their sizes in the
 * directory only. Every part can be told to lie.
 */
import { crc32 } from "node:zlib";
import { CheckpointError } from "../../src/errors.js";
import type { ByteSource } from "../../src/model/checkpoint/zip.js";

export interface WrittenEntry {
  readonly name: string;
  readonly data: Uint8Array;
  /** What the directory says instead of the truth. */
  readonly claim?: {
    readonly byteLength?: number;
    readonly storedBytes?: number;
    readonly method?: number;
    readonly flags?: number;
    readonly headerAt?: number;
  };
  /** Name in front of the data, if not the directory's. */
  readonly localName?: string;
}

export interface ZipOptions {
  /** Writes sizes and offsets in zip64 fields, as for files of more than 4 GiB. */
  readonly zip64?: boolean;
  readonly comment?: string;
  /** Number of the disk that the end record claims to be on. */
  readonly disk?: number;
  /** Where the end record claims that the directory begins. */
  readonly directoryAt?: number;
  /** How long the end record claims that the directory is. */
  readonly directoryBytes?: number;
  /** How many entries the end record claims. */
  readonly count?: number;
}

/** A zip file with these entries. */
export function zip(entries: readonly WrittenEntry[], options: ZipOptions = {}): Buffer {
  const parts: Buffer[] = [];
  const headers: Buffer[] = [];
  let at = 0;
  for (const entry of entries) {
    const header = localHeader(entry, at);
    headers.push(directoryHeader(entry, at, options.zip64 ?? false));
    parts.push(header, Buffer.from(entry.data));
    at += header.length + entry.data.length;
  }
  const directory = Buffer.concat(headers);
  return Buffer.concat([...parts, directory, endRecords(directory.length, at, entries.length, options)]);
}

/** Reads a buffer as if it were a file. */
export function inMemory(bytes: Buffer): ByteSource {
  return {
    size: bytes.length,
    read(start, end) {
      if (end > bytes.length) throw new CheckpointError(`ends at byte ${bytes.length}, bytes up to ${end} are needed`);
      return bytes.subarray(start, end);
    },
  };
}

function localHeader({ name, localName = name, data }: WrittenEntry, at: number): Buffer {
  const padding = (64 - ((at + 30 + Buffer.byteLength(localName) + 4) % 64)) % 64;
  const extra = Buffer.concat([Buffer.from("FB"), uint(2, padding), Buffer.alloc(padding, "Z")]);
  const sizes = [
    uint(4, crc32(data)),
    uint(4, 0),
    uint(4, 0),
    uint(2, Buffer.byteLength(localName)),
    uint(2, extra.length),
  ];
  const flags = 0x0808; // UTF-8 name, sizes elsewhere
  return Buffer.concat([
    Buffer.from("PK\x03\x04"),
    uint(2, 0),
    uint(2, flags),
    uint(2, 0),
    uint(4, 0),
    ...sizes,
    Buffer.from(localName),
    extra,
  ]);
}

function directoryHeader({ name, data, claim = {} }: WrittenEntry, at: number, zip64: boolean): Buffer {
  const { byteLength = data.length, storedBytes = byteLength, method = 0, flags = 0x0808, headerAt = at } = claim;
  const places = [byteLength, storedBytes, headerAt];
  const extra = zip64
    ? Buffer.concat([uint(2, 1), uint(2, 24), ...places.map((value) => uint(8, value))])
    : Buffer.alloc(0);
  const [size, stored, offset] = places.map((value) => uint(4, zip64 ? 0xffffffff : value));
  return Buffer.concat([
    Buffer.from("PK\x01\x02"),
    uint(2, 0),
    uint(2, 0),
    uint(2, flags),
    uint(2, method),
    uint(4, 0),
    uint(4, crc32(data)),
    stored ?? Buffer.alloc(0),
    size ?? Buffer.alloc(0),
    uint(2, Buffer.byteLength(name)),
    uint(2, extra.length),
    uint(2, 0),
    uint(2, 0),
    uint(2, 0),
    uint(4, 0),
    offset ?? Buffer.alloc(0),
    Buffer.from(name),
    extra,
  ]);
}

function endRecords(length: number, end: number, entries: number, options: ZipOptions): Buffer {
  const { zip64 = false, comment = "", disk = 0 } = options;
  const { directoryAt = end, directoryBytes = length, count = entries } = options;
  const wide = [
    Buffer.from("PK\x06\x06"),
    uint(8, 44),
    uint(2, 0),
    uint(2, 0),
    uint(4, disk),
    uint(4, 0),
    uint(8, count),
    uint(8, count),
    uint(8, directoryBytes),
    uint(8, directoryAt),
    Buffer.from("PK\x06\x07"),
    uint(4, 0),
    uint(8, end + length),
    uint(4, 1),
  ];
  const narrow = [
    Buffer.from("PK\x05\x06"),
    uint(2, disk),
    uint(2, 0),
    uint(2, zip64 ? 0xffff : count),
    uint(2, zip64 ? 0xffff : count),
    uint(4, zip64 ? 0xffffffff : directoryBytes),
    uint(4, zip64 ? 0xffffffff : directoryAt),
    uint(2, comment.length),
    Buffer.from(comment),
  ];
  return Buffer.concat(zip64 ? [...wide, ...narrow] : narrow);
}

/** Little-endian; negative numbers in two's complement. */
export function uint(byteLength: 2 | 4 | 8, value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt.asUintN(64, BigInt(value)));
  return bytes.subarray(0, byteLength);
}
