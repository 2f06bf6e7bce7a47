/** What a complete entry is: its files, their digests, and what they looked like on disk when they were complete. */
import { open, readdir, readFile, rename, stat, type FileHandle } from "node:fs/promises";
import { dirname, join } from "node:path";
import { isJsonObject, systemErrorCode } from "../../checkpoint/json.js";
import { modelDigest } from "../../digest/combine.js";

export interface ManifestFile {
  readonly path: string;
  readonly byteLength: number;
  readonly digest: string;
  /** Time of the last change, and inode: while they are the same, the contents are taken to be, too. */
  readonly stamp: string;
}

export interface Manifest {
  readonly format: 1;
  readonly uri: string;
  readonly name: string;
  /** Over paths and digests of the checkpoint's files: the same for the same contents. */
  readonly digest: string;
  readonly files: readonly ManifestFile[];
}

/** @throws What the file system throws. */
export async function stampOf(path: string): Promise<{ readonly byteLength: number; readonly stamp: string }> {
  const { size, mtimeNs, ino } = await stat(path, { bigint: true });
  return { byteLength: Number(size), stamp: `${mtimeNs} ${ino}` };
}

/** Undefined when there is none, or it makes no sense: then the entry is not complete. */
export async function readManifest(path: string): Promise<Manifest | undefined> {
  try {
    return parseManifest(JSON.parse(await readFile(path, "utf8")));
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT" || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Makes the manifest visible at once and whole, or not at all; it is on disk when this ends. */
export async function writeManifest(path: string, manifest: Manifest): Promise<void> {
  const temporary = `${path}.new`;
  const handle = await open(temporary, "w");
  await withClosed(handle, async () => {
    await handle.writeFile(JSON.stringify(manifest));
    await handle.sync();
  });
  await rename(temporary, path);
  await syncFolder(dirname(path));
}

/** The names in `folder`, in all folders below it, and in those above it up to `top` survive a power cut. */
export async function syncFolders(folder: string, top: string): Promise<void> {
  const below = await readdir(folder, { recursive: true, withFileTypes: true });
  const folders = below.filter((found) => found.isDirectory()).map((found) => join(found.parentPath, found.name));
  for (let path = folder; path.length > top.length; path = dirname(path)) folders.push(path);
  for (const path of [...folders, top, dirname(top)]) await syncFolder(path);
}

async function syncFolder(path: string): Promise<void> {
  const handle = await open(path, "r");
  await withClosed(handle, () => handle.sync());
}

async function withClosed(handle: FileHandle, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } finally {
    await handle.close();
  }
}

function parseManifest(value: unknown): Manifest | undefined {
  if (!isJsonObject(value)) return undefined;
  const { format, uri, name, digest, files } = value;
  if (format !== 1 || typeof uri !== "string" || typeof name !== "string" || typeof digest !== "string")
    return undefined;
  if (!Array.isArray(files)) return undefined;
  const parsed = files.map(parseFile);
  const isWhole = parsed.every((file) => file !== undefined);
  return isWhole && modelDigest(parsed) === digest ? { format, uri, name, digest, files: parsed } : undefined;
}

function parseFile(value: unknown): ManifestFile | undefined {
  if (!isJsonObject(value)) return undefined;
  const { path, byteLength, digest, stamp } = value;
  if (typeof path !== "string" || typeof byteLength !== "number") return undefined;
  if (typeof digest !== "string" || typeof stamp !== "string") return undefined;
  return { path, byteLength, digest, stamp };
}

/** The folder that a manifest's paths are relative to. */
export function modelFolder(entryModel: string, { name }: Pick<Manifest, "name">): string {
  return join(entryModel, name);
}
