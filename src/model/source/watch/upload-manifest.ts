/**
 * The manifest that whoever uploads a model may put beside it, as the last of its files: what the model is made of. It
 * says that an upload is complete, which nothing else in a store can.
 *
 * `{"version": 1, "files": [{"path": "model.safetensors", "size": 12, "sha256": "<64 hexadecimal digits>"}, ...]}`
 */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { join } from "node:path";
import { CheckpointError } from "../../../errors.js";
import { isJsonObject, parseJsonObject, systemErrorCode } from "../../checkpoint/json.js";
import { checkListing, quoted } from "../listing.js";
import type { RemoteFile } from "../remote-folder.js";

export const uploadManifestName = "ortler-manifest.json";

export interface UploadedFile {
  /** Relative to the folder of the manifest. Of a file that a model can have, safe below a local folder. */
  readonly path: string;
  readonly byteLength: number;
  /** Of the whole file, in lower case. */
  readonly sha256: string;
}

/** The files that a model can have, by path; the manifest may name others, which are never looked at. */
export type UploadManifest = ReadonlyMap<string, UploadedFile>;

/**
 * @param uri of the folder, for messages.
 * @throws {CheckpointError} when it is not of this form.
 * @throws {ConfigurationError} when a path must not become a local one.
 */
export function parseUploadManifest(text: string, uri: string): UploadManifest {
  const { version, files } = parseJsonObject(text, uploadManifestName);
  if (version !== 1) throw malformed("version must be 1");
  if (!Array.isArray(files)) throw malformed("files must be an array");
  const named = files.map(parseFile);
  const listed = named.map(({ path, byteLength }) => ({ path, byteLength, version: undefined }));
  const known = checkListing(uri, listed).files;
  return new Map(named.filter(({ path }) => known.has(path)).map((file) => [file.path, file]));
}

function parseFile(value: unknown): UploadedFile {
  const { path, size, sha256 } = isJsonObject(value) ? value : {};
  if (typeof path !== "string") throw malformed("each file must have a path");
  if (typeof size !== "number" || !Number.isSafeInteger(size) || size < 0) {
    throw malformed(`the size of ${quoted(path)} must be a number of bytes`);
  }
  if (typeof sha256 !== "string" || !/^[0-9a-f]{64}$/i.test(sha256)) {
    throw malformed(`the sha256 of ${quoted(path)} must be 64 hexadecimal digits`);
  }
  return { path, byteLength: size, sha256: sha256.toLowerCase() };
}

function malformed(fault: string): CheckpointError {
  return new CheckpointError(`${uploadManifestName}: ${fault}`);
}

/** What of the upload is not there as the manifest has it, by sizes; undefined when all is. */
export function missingFrom(listed: readonly RemoteFile[], manifest: UploadManifest): string | undefined {
  const sizes = new Map(listed.map(({ path, byteLength }) => [path, byteLength]));
  for (const { path, byteLength } of manifest.values()) {
    const size = sizes.get(path) ?? 0; // stores need not list empty files
    if (size === byteLength) continue;
    const found = sizes.has(path) ? `has ${size} bytes` : "is not there";
    return `${path} ${found}, and ${uploadManifestName} says ${byteLength} bytes`;
  }
  return undefined;
}

/**
 * Which of the files in `folder` is not the one that the manifest means, by their contents; undefined when none is.
 * Files that are not there were not needed. The event loop hashes a quarter of a MiB at a time: 0.2 ms.
 */
export async function differenceFrom(
  folder: string,
  manifest: UploadManifest,
  signal: AbortSignal,
): Promise<string | undefined> {
  for (const { path, sha256 } of manifest.values()) {
    const found = await hashOf(join(folder, path), signal);
    if (found === undefined || found === sha256) continue;
    return `${path} has the SHA-256 ${found}, and ${uploadManifestName} says ${sha256}`;
  }
  return undefined;
}

const pieceBytes = 2 ** 18;

async function hashOf(path: string, signal: AbortSignal): Promise<string | undefined> {
  const hash = createHash("sha256");
  try {
    const pieces = createReadStream(path, { highWaterMark: pieceBytes, signal });
    for await (const piece of pieces as AsyncIterable<Buffer>) hash.update(piece);
    return hash.digest("hex");
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return undefined;
    throw error;
  }
}
