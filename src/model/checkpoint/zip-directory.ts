/**
 * Finds the central directory of a zip file through the records at the file's end, zip64 included.
 * Source: APPNOTE.TXT 6.3.10, 4.3.14 to 4.3.16, https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT
 */
import { CheckpointError } from "../../errors.js";
import type { ByteSource } from "./zip.js";

/** The central directory: bytes [start, end) hold `count` headers. */
export interface ZipDirectory {
  readonly start: number;
  readonly end: number;
  readonly count: number;
}

const endRecordBytes = 22;
const maxCommentBytes = 0xffff;
const zip64LocatorBytes = 20;
const zip64RecordBytes = 56;
const headerBytes = 46;
/** The headers are read into memory at once; a checkpoint has some 100 bytes of them for each tensor. */
const maxDirectoryBytes = 16 * 2 ** 20;

/**
 * @throws {CheckpointError} when there is no directory (a truncated file, or no zip file), when it is spread over
 * several files, or when it cannot lie where the records say.
 */
export function findZipDirectory(source: ByteSource): ZipDirectory {
  const endRecordAt = findEndRecord(source);
  const locatorAt = endRecordAt - zip64LocatorBytes;
  const locator = locatorAt >= 0 ? source.read(locatorAt, endRecordAt) : undefined;
  if (locator?.toString("latin1", 0, 4) === "PK\x06\x07") return readZip64Record(source, locator, locatorAt);

  const record = source.read(endRecordAt, endRecordAt + endRecordBytes);
  refuseSeveralDisks(record.readUInt16LE(4), record.readUInt16LE(6), record.readUInt16LE(8), record.readUInt16LE(10));
  return checked(record.readUInt32LE(16), record.readUInt32LE(12), record.readUInt16LE(10), endRecordAt);
}

/** Reads an unsigned 64-bit integer; above 2^53 it is not exact, but beyond any file all the same. */
export function readUint64(buffer: Buffer, at: number): number {
  return Number(buffer.readBigUInt64LE(at));
}

/** The record is the file's last one, but a comment of a length that it states may follow. */
function findEndRecord(source: ByteSource): number {
  const tailStart = Math.max(0, source.size - endRecordBytes - maxCommentBytes);
  const tail = source.read(tailStart, source.size);
  for (let at = tail.length - endRecordBytes; at >= 0; at -= 1) {
    const isRecord = tail.toString("latin1", at, at + 4) === "PK\x05\x06";
    if (isRecord && at + endRecordBytes + tail.readUInt16LE(at + 20) === tail.length) return tailStart + at;
  }
  throw new CheckpointError("has no zip directory at its end: the file is truncated");
}

function readZip64Record(source: ByteSource, locator: Buffer, locatorAt: number): ZipDirectory {
  const recordAt = readUint64(locator, 8);
  if (recordAt + zip64RecordBytes > locatorAt) throw misplaced(recordAt, recordAt + zip64RecordBytes, locatorAt);
  const record = source.read(recordAt, recordAt + zip64RecordBytes);
  if (record.toString("latin1", 0, 4) !== "PK\x06\x06") {
    throw new CheckpointError(`has no zip64 directory record at byte ${recordAt}`);
  }
  refuseSeveralDisks(record.readUInt32LE(16), record.readUInt32LE(20), readUint64(record, 24), readUint64(record, 32));
  return checked(readUint64(record, 48), readUint64(record, 40), readUint64(record, 32), recordAt);
}

function refuseSeveralDisks(disk: number, directoryDisk: number, countHere: number, count: number): void {
  if (disk !== 0 || directoryDisk !== 0 || countHere !== count) {
    throw new CheckpointError("is one part of a zip archive in several files");
  }
}

function checked(start: number, byteLength: number, count: number, limit: number): ZipDirectory {
  const end = start + byteLength;
  if (end > limit) throw misplaced(start, end, limit);
  if (byteLength > maxDirectoryBytes) {
    throw new CheckpointError(`has a zip directory of ${byteLength} bytes; at most ${maxDirectoryBytes} are read`);
  }
  if (count * headerBytes > byteLength) {
    throw new CheckpointError(`has a zip directory of ${byteLength} bytes, too few for its ${count} entries`);
  }
  return { start, end, count };
}

function misplaced(start: number, end: number, limit: number): CheckpointError {
  return new CheckpointError(`places its zip directory at bytes [${start}, ${end}), which must end by ${limit}`);
}
