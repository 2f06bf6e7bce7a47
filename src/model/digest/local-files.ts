/** Which files of a local model its digest is taken over: those that would be fetched of the same folder in a store. */
import { readdir, readFile, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { CheckpointError } from "../../errors.js";
import { isGgufPath } from "../checkpoint/gguf/path.js";
import { systemErrorCode } from "../checkpoint/json.js";
import { stampOf } from "../source/cache/manifest.js";
import { checkListing, type Listing } from "../source/listing.js";
import { resolveLocalModel } from "../source/local.js";
import { selectFiles } from "../source/needed-files.js";
import type { RemoteFile } from "../source/remote-folder.js";

export interface LocalFile {
  /** Relative to the checkpoint's folder, with `/` between its parts. */
  readonly path: string;
  /** Where it is. */
  readonly location: string;
  readonly byteLength: number;
  /** Another one once the file was changed or replaced. */
  readonly stamp: string;
}

/**
 * @param model a folder with a checkpoint, a Caikit model's folder, or a GGUF file.
 * @throws {ConfigurationError} when there is no model.
 * @throws {CheckpointError} when it is not complete, or cannot be read.
 */
export async function listLocalFiles(model: string): Promise<readonly LocalFile[]> {
  const { folder } = await resolveLocalModel(model);
  try {
    if (isGgufPath(folder)) return [await localFile(basename(folder), folder)];
    const paths = await neededPaths(folder);
    return await Promise.all(paths.map((path) => localFile(path, join(folder, path))));
  } catch (error) {
    const code = systemErrorCode(error);
    throw code === undefined ? error : new CheckpointError(`${folder} cannot be read (${code})`, { cause: error });
  }
}

async function localFile(path: string, location: string): Promise<LocalFile> {
  return { path, location, ...(await stampOf(location)) };
}

async function neededPaths(folder: string): Promise<string[]> {
  const listing = await listingOf(folder);
  const texts = new Map<string, string>();
  for (;;) {
    const selected = selectFiles(listing, texts);
    if (!("wanted" in selected)) return [...selected.small, ...selected.weights].map(({ path }) => path);
    const { path } = selected.wanted;
    texts.set(path, await readFile(join(folder, path), "utf8"));
  }
}

/** The folder as a store would list it, as far as a model's files go. */
async function listingOf(folder: string): Promise<Listing> {
  const templates = await namesIn(join(folder, "additional_chat_templates"));
  const paths = [...(await readdir(folder)), ...templates.map((name) => `additional_chat_templates/${name}`)];
  const listed = await Promise.all(paths.map((path) => describe(folder, path)));
  return checkListing(
    folder,
    listed.filter((file) => file !== undefined),
  );
}

async function namesIn(folder: string): Promise<string[]> {
  return readdir(folder).catch((error: unknown) => {
    if (["ENOENT", "ENOTDIR"].includes(systemErrorCode(error) ?? "")) return [];
    throw error;
  });
}

/** Undefined for what is no file: a link may lead to a folder, or to nothing. */
async function describe(folder: string, path: string): Promise<RemoteFile | undefined> {
  const status = await stat(join(folder, path)).catch(() => undefined);
  return status?.isFile() === true ? { path, byteLength: status.size, version: undefined } : undefined;
}
