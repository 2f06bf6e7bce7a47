/** Whether a complete entry still is what it was when it was completed. */
import { open } from "node:fs/promises";
import { join } from "node:path";
import { digestFile } from "../download/block-digest.js";
import { systemErrorCode } from "../../checkpoint/json.js";
import type { EntryPaths } from "./cache-folder.js";
import { modelFolder, stampOf, writeManifest, type Manifest, type ManifestFile } from "./manifest.js";

export interface CheckOptions {
  /** Reads every file, whatever it looks like. */
  readonly isThorough: boolean;
  readonly signal: AbortSignal;
  /** Told what is to be read, before it is, and then of each file. */
  readonly onStart: (bytes: number) => void;
  readonly onBytes: (bytes: number) => void;
}

/**
 * Looks at length, time of the last change and inode of each file; where they are not those of the manifest, the
 * file is read and its digest compared. Files that were only touched or copied get a new stamp.
 *
 * @returns The paths of the files that are damaged.
 */
export async function findDamage(entry: EntryPaths, manifest: Manifest, options: CheckOptions): Promise<string[]> {
  const folder = modelFolder(entry.model, manifest);
  const found = await Promise.all(manifest.files.map((file) => look(folder, file, options.isThorough)));
  const toRead = manifest.files.filter((_, index) => found[index]?.state === "unknown");
  const damaged = manifest.files.filter((_, index) => found[index]?.state === "damaged").map(({ path }) => path);
  if (toRead.length === 0) return damaged;

  options.onStart(toRead.reduce((sum, { byteLength }) => sum + byteLength, 0));
  for (const file of toRead) {
    if (!(await isIntact(join(folder, file.path), file, options.signal))) damaged.push(file.path);
    options.onBytes(file.byteLength);
  }
  if (damaged.length === 0) await restamp(entry, manifest, found);
  return damaged;
}

interface Look {
  readonly state: "same" | "unknown" | "damaged";
  readonly stamp: string;
}

async function look(folder: string, file: ManifestFile, isThorough: boolean): Promise<Look> {
  const now = await stampOf(join(folder, file.path)).catch(ignoreMissing);
  if (now?.byteLength !== file.byteLength) return { state: "damaged", stamp: "" };
  return { state: now.stamp === file.stamp && !isThorough ? "same" : "unknown", stamp: now.stamp };
}

async function isIntact(path: string, file: ManifestFile, signal: AbortSignal): Promise<boolean> {
  const handle = await open(path, "r");
  try {
    return (await digestFile(handle, file.byteLength, signal)) === file.digest;
  } finally {
    await handle.close();
  }
}

/** With what was seen before the files were read: a change since then is seen the next time. */
async function restamp(entry: EntryPaths, manifest: Manifest, found: readonly Look[]): Promise<void> {
  const files = manifest.files.map((file, index) => ({ ...file, stamp: found[index]?.stamp ?? file.stamp }));
  if (files.every(({ stamp }, index) => stamp === manifest.files[index]?.stamp)) return;
  await writeManifest(entry.manifest, { ...manifest, files });
}

function ignoreMissing(error: unknown): undefined {
  const code = systemErrorCode(error);
  if (code === "ENOENT" || code === "ENOTDIR") return undefined;
  throw error;
}
