/**
 * Reads PyTorch checkpoints (`pytorch_model.bin`) without reading their weights. torch.save writes a zip file whose
 * entries are stored as they are: `<stem>/data.pkl`, a pickle that describes the tensors, and `<stem>/data/<key>`, the
 * bytes of one storage each. So a tensor is a place in the file, as in safetensors.
 *
 * Torch begins each storage at a multiple of 64 bytes; a tensor that is a part of one may begin anywhere. Its
 * alignment is whatever its record says: nothing is moved.
 */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { join } from "node:path";
import { CheckpointError } from "../../errors.js";
import { systemErrorCode, unreadable } from "./json.js";
import { inContext, quote } from "./messages.js";
import { readStateDict, type StoredTensor } from "./pytorch-state-dict.js";
import { bytesPerElement, type TensorRecord } from "./tensor-record.js";
import { type ByteSource, readZipEntries, type ZipEntry } from "./zip.js";

/** A pickle takes some 150 bytes for each tensor. */
const maxPickleBytes = 16 * 2 ** 20;
const maxTextBytes = 64;
/** First and last version of the format that torch itself reads (caffe2/serialize/versions.h). */
const formatVersions = { first: 1, last: 10 };
/** First byte of a pickle of protocol 2 or later, with which torch.save's files of before version 1.6 begin. */
const pickleStart = 0x80;

/**
 * The tensors of `file` in `folder`, in the order in which they were saved. Tensors that were tied share their bytes.
 * @throws {CheckpointError} when the file cannot be read, is not a state dict saved by torch 1.6 or later, names
 * anything but tensors in its pickle, or has a tensor that is not a contiguous run of bytes.
 */
export function readPytorchTensors(folder: string, file: string): TensorRecord[] {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(join(folder, file), "r");
    const source = fileSource(descriptor);
    return inContext(file, () => readTensors(source, file));
  } catch (error) {
    if (systemErrorCode(error) !== undefined) throw unreadable(file, error);
    throw error;
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

function readTensors(source: ByteSource, file: string): TensorRecord[] {
  refuseOtherFormats(source);
  const entries = readZipEntries(source);
  const pickle = findPickle(entries);
  const stem = pickle.name.slice(0, -"/data.pkl".length);
  checkVersion(readText(source, entries.get(`${stem}/version`)));
  checkByteOrder(readText(source, entries.get(`${stem}/byteorder`)));

  const pickled = readEntry(source, pickle, maxPickleBytes);
  const tensors = inContext(pickle.name, () => readStateDict(pickled));
  return tensors.map((tensor) => toRecord(tensor, entries.get(`${stem}/data/${tensor.storage.key}`), file));
}

function refuseOtherFormats(source: ByteSource): void {
  const start = source.read(0, Math.min(4, source.size));
  if (start.toString("latin1") === "PK\x03\x04") return;
  if (start[0] === pickleStart) {
    throw new CheckpointError(
      "was saved in the format of torch before 1.6, which has to be loaded to be read: " +
        "load it with a current torch and save it again, or save it as safetensors",
    );
  }
  throw new CheckpointError("is not a PyTorch checkpoint: it does not begin as a zip file");
}

/** `<stem>/data.pkl`; the stem is the name under which the file was first saved, or `archive`. */
function findPickle(entries: ReadonlyMap<string, ZipEntry>): ZipEntry {
  const pickles = [...entries.values()].filter(({ name }) => /^[^/]+\/data\.pkl$/.test(name));
  const [pickle] = pickles;
  if (pickle === undefined || pickles.length > 1) {
    throw new CheckpointError(
      `is not a PyTorch checkpoint: it has ${pickles.length} entries */data.pkl instead of one`,
    );
  }
  return pickle;
}

function checkVersion(text: string | undefined): void {
  const { first, last } = formatVersions;
  const version = Number(text ?? NaN);
  if (Number.isInteger(version) && version >= first && version <= last) return;
  throw new CheckpointError(`has format version ${quote(text ?? "")}; versions ${first} to ${last} can be read`);
}

/** Torch states it since 2.1; without it, all that ever wrote such files were little-endian machines. */
function checkByteOrder(text = "little"): void {
  if (text !== "little") throw new CheckpointError(`has byte order ${quote(text)}; only 'little' can be read`);
}

function readText(source: ByteSource, entry: ZipEntry | undefined): string | undefined {
  return entry && readEntry(source, entry, maxTextBytes).toString("latin1").trim();
}

function readEntry(source: ByteSource, { name, offset, byteLength }: ZipEntry, maxBytes: number): Buffer {
  if (byteLength > maxBytes) {
    throw new CheckpointError(`entry ${quote(name)} has ${byteLength} bytes; at most ${maxBytes} are read`);
  }
  return source.read(offset, offset + byteLength);
}

function toRecord(tensor: StoredTensor, entry: ZipEntry | undefined, file: string): TensorRecord {
  const { name, shape, storage } = tensor;
  const { elementType, key } = storage;
  const elementBytes = bytesPerElement[elementType];
  const storageBytes = storage.elements * elementBytes;
  if (entry?.byteLength !== storageBytes) {
    throw new CheckpointError(
      `tensor ${quote(name)} needs storage ${quote(key)} with ${storage.elements} elements of ${elementType}, ` +
        `${storageBytes} bytes; the file has ${entry?.byteLength ?? "no"} bytes for it`,
    );
  }
  const offset = entry.offset + tensor.start * elementBytes;
  return { name, elementType, shape, file, offset, byteLength: tensor.elements * elementBytes };
}

function fileSource(descriptor: number): ByteSource {
  return {
    size: fstatSync(descriptor).size,
    read(start, end) {
      const bytes = Buffer.alloc(end - start);
      const count = readSync(descriptor, bytes, 0, bytes.length, start);
      if (count < bytes.length)
        throw new CheckpointError(`ends at byte ${start + count}, bytes up to ${end} are needed`);
      return bytes;
    },
  };
}
