/**
 * Says where the entries of a zip file lie, for files whose entries are stored as they are: torch.save makes such, so
 * that a tensor can be used in place. Nothing is decompressed or extracted, and no entry is read.
 *
 * Archives can be made to say one thing in the directory and another in front of the data. Everything that is given
 * twice is compared, and no byte may belong to two entries. (Sizes and checksums stand in the directory only: torch
 * leaves them zero in front of the data.)
 * Source: APPNOTE.TXT 6.3.10, 4.3.7 and 4.3.12, https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT
 */
import { CheckpointError } from "../../errors.js";
import { quote } from "./messages.js";
import { findZipDirectory, readUint64, type ZipDirectory } from "./zip-directory.js";

/** Something with bytes, a file or a buffer. */
export interface ByteSource {
  readonly size: number;
  /**
   * The bytes [start, end).
   * @throws {CheckpointError} when they are not all there.
   */
  read(start: number, end: number): Buffer;
}

/** An entry's content: the bytes [offset, offset + byteLength) of the zip file. */
export interface ZipEntry {
  readonly name: string;
  readonly offset: number;
  readonly byteLength: number;
}

/** What the directory says of an entry. */
interface DirectoryHeader {
  readonly name: string;
  readonly byteLength: number;
  /** Where the entry's local header begins; its content comes after that. */
  readonly localHeaderAt: number;
}

const headerBytes = 46;
const localHeaderBytes = 30;
/** In a 32-bit field: the value stands in the zip64 extra field. */
const seeZip64 = 0xffffffff;
const zip64ExtraId = 0x0001;
/** Flags for plain, strong and central-directory encryption. */
const encryptedFlags = 0x0001 | 0x0040 | 0x2000;

/**
 * The entries by name.
 * @throws {CheckpointError} when the file is damaged or truncated, or has entries that are compressed, encrypted,
 * overlapping, of the same name, or named like a path out of the archive.
 */
export function readZipEntries(source: ByteSource): ReadonlyMap<string, ZipEntry> {
  const directory = findZipDirectory(source);
  const headers = readHeaders(source.read(directory.start, directory.end), directory);
  headers.sort((a, b) => a.localHeaderAt - b.localHeaderAt);

  const entries = new Map<string, ZipEntry>();
  headers.forEach((header, index) => {
    if (entries.has(header.name)) throw new CheckpointError(`has two entries named ${quote(header.name)}`);
    const limit = headers[index + 1]?.localHeaderAt ?? directory.start;
    entries.set(header.name, locate(source, header, limit));
  });
  return entries;
}

function readHeaders(bytes: Buffer, { start, count }: ZipDirectory): DirectoryHeader[] {
  const headers: DirectoryHeader[] = [];
  let at = 0;
  while (headers.length < count) {
    if (bytes.toString("latin1", at, at + 4) !== "PK\x01\x02" || at + headerBytes > bytes.length) {
      throw new CheckpointError(`has no zip directory header at byte ${start + at}`);
    }
    const nameEnd = at + headerBytes + bytes.readUInt16LE(at + 28);
    const extraEnd = nameEnd + bytes.readUInt16LE(at + 30);
    const end = extraEnd + bytes.readUInt16LE(at + 32);
    if (end > bytes.length) throw new CheckpointError(`has a zip directory header cut off at byte ${start + at}`);
    const name = bytes.toString("utf8", at + headerBytes, nameEnd);
    headers.push(readHeader(name, bytes.subarray(at, at + headerBytes), bytes.subarray(nameEnd, extraEnd)));
    at = end;
  }
  return headers;
}

function readHeader(name: string, header: Buffer, extra: Buffer): DirectoryHeader {
  refuseOutsidePath(name);
  if ((header.readUInt16LE(8) & encryptedFlags) !== 0) throw new CheckpointError(`entry ${quote(name)} is encrypted`);
  const method = header.readUInt16LE(10);
  if (method !== 0) {
    throw new CheckpointError(
      `entry ${quote(name)} is compressed (zip method ${method}): tensors can only be used in place, stored as they are`,
    );
  }
  const [byteLength = 0, storedBytes = 0, localHeaderAt = 0] = widen(
    name,
    [header.readUInt32LE(24), header.readUInt32LE(20), header.readUInt32LE(42)],
    extra,
  );
  if (byteLength !== storedBytes) {
    throw new CheckpointError(`entry ${quote(name)} has ${byteLength} bytes, but ${storedBytes} are stored`);
  }
  return { name, byteLength, localHeaderAt };
}

/** Entries are never written out as files; a name like this says that someone means harm. */
function refuseOutsidePath(name: string): void {
  const isOutside = name.startsWith("/") || /^[A-Za-z]:/.test(name) || name.split("/").includes("..");
  if (name === "" || isOutside || /[\\\0]/.test(name)) {
    throw new CheckpointError(`entry ${quote(name)} is not named like a path inside the archive`);
  }
}

/** Takes the values that do not fit 32 bits from the zip64 extra field, where they stand in the order of `values`. */
function widen(name: string, values: readonly number[], extra: Buffer): number[] {
  const wide = values.includes(seeZip64) ? findExtra(extra, zip64ExtraId) : undefined;
  let at = 0;
  return values.map((value) => {
    if (value !== seeZip64) return value;
    if (wide === undefined || at + 8 > wide.length) {
      throw new CheckpointError(`entry ${quote(name)} has no zip64 field for a value of more than 32 bits`);
    }
    at += 8;
    return readUint64(wide, at - 8);
  });
}

function findExtra(extra: Buffer, id: number): Buffer | undefined {
  for (let at = 0; at + 4 <= extra.length;) {
    const end = at + 4 + extra.readUInt16LE(at + 2);
    if (extra.readUInt16LE(at) === id) return extra.subarray(at + 4, end);
    at = end;
  }
  return undefined;
}

/** The content begins after the local header, whose extra field (torch pads with it) has a length of its own. */
function locate(source: ByteSource, { name, byteLength, localHeaderAt }: DirectoryHeader, limit: number): ZipEntry {
  const nameBytes = Buffer.byteLength(name);
  if (localHeaderAt + localHeaderBytes + nameBytes > limit) throw overlap(name, limit);
  const header = source.read(localHeaderAt, localHeaderAt + localHeaderBytes + nameBytes);
  const isHeader = header.toString("latin1", 0, 4) === "PK\x03\x04";
  if (!isHeader || header.readUInt16LE(8) !== 0 || header.readUInt16LE(26) !== nameBytes) {
    throw new CheckpointError(`entry ${quote(name)} has no matching zip header at byte ${localHeaderAt}`);
  }
  const localName = header.toString("utf8", localHeaderBytes);
  if (localName !== name) throw new CheckpointError(`entry ${quote(name)} is named ${quote(localName)} at its data`);
  const offset = localHeaderAt + header.length + header.readUInt16LE(28);
  if (offset + byteLength > limit) throw overlap(name, limit);
  return { name, offset, byteLength };
}

function overlap(name: string, limit: number): CheckpointError {
  return new CheckpointError(
    `entry ${quote(name)} runs past byte ${limit}, where the next entry or the directory begins`,
  );
}
