/**
 * Reads the head of a GGUF file: what it says of the model, and where its tensors lie. The tensors are not read.
 * Source: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
 */
import { closeSync, fstatSync, openSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { CheckpointError } from "../../../errors.js";
import { systemErrorCode, unreadable } from "../json.js";
import { inContext } from "../messages.js";
import type { TensorRecord } from "../tensor-record.js";
import { GgufCursor } from "./cursor.js";
import { GgufMetadata } from "./metadata.js";
import { placeTensors, readDescriptions } from "./tensors.js";

export interface GgufFile {
  /** Absolute or relative as it was given; the `file` of a tensor record is relative to it. */
  readonly folder: string;
  readonly file: string;
  readonly metadata: GgufMetadata;
  /** In the order of the file's descriptions, under llama.cpp's names. */
  readonly tensors: readonly TensorRecord[];
}

/** A sound GPT-2 has some 30 keys and 12 tensors a layer. */
const maxEntries = 65_536;
const defaultAlignment = 32;
const maxAlignment = 2 ** 20;

/**
 * @throws {CheckpointError} when the file cannot be read, is no GGUF file of version 2 or 3, or does not describe itself
 * exactly.
 */
export function readGguf(path: string): GgufFile {
  const [folder, file] = [dirname(path), basename(path)];
  let descriptor: number | undefined;
  try {
    descriptor = openSync(join(folder, file), "r");
    const cursor = new GgufCursor(descriptor, fstatSync(descriptor).size);
    return inContext(file, () => ({ folder, file, ...readHead(cursor, file) }));
  } catch (error) {
    if (systemErrorCode(error) !== undefined) throw unreadable(file, error);
    throw error;
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

function readHead(cursor: GgufCursor, file: string): Pick<GgufFile, "metadata" | "tensors"> {
  checkMagic(cursor);
  checkVersion(cursor);
  const tensorCount = cursor.count("number of tensors", maxEntries);
  const metadataCount = cursor.count("number of metadata keys", maxEntries);
  const metadata = GgufMetadata.read(cursor, metadataCount);
  refuseParts(metadata);
  const described = readDescriptions(cursor, tensorCount);
  const places = { headEnd: cursor.position, alignment: alignmentOf(metadata), fileBytes: cursor.fileBytes };
  return { metadata, tensors: placeTensors(described, file, places) };
}

function checkMagic(cursor: GgufCursor): void {
  if (cursor.fileBytes < 4 || cursor.bytes(4, "magic").toString("latin1") !== "GGUF") {
    throw new CheckpointError("is not a GGUF file: it does not begin with GGUF");
  }
}

/** In a big-endian file the version's low half is zero. */
function checkVersion(cursor: GgufCursor): void {
  const version = cursor.uint32("version");
  if (version !== 0 && version % 0x10000 === 0) {
    throw new CheckpointError(
      "is big-endian; only little-endian files are read (gguf_convert_endian.py of llama.cpp turns one into the other)",
    );
  }
  if (version !== 2 && version !== 3) {
    throw new CheckpointError(`has GGUF version ${version}; versions 2 and 3 are read`);
  }
}

function refuseParts(metadata: GgufMetadata): void {
  const parts = metadata.integer("split.count") ?? 0;
  if (parts > 1) {
    throw new CheckpointError(`is one of ${parts} parts of a model: join them with llama-gguf-split --merge`);
  }
}

function alignmentOf(metadata: GgufMetadata): number {
  const alignment = metadata.integer("general.alignment") ?? defaultAlignment;
  if (alignment > 0 && alignment % 8 === 0 && alignment <= maxAlignment) return alignment;
  throw new CheckpointError(`general.alignment must be a multiple of 8 of at most ${maxAlignment}, got ${alignment}`);
}
