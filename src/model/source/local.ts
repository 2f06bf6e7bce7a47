/** Finds the checkpoint that a local path stands for: a folder, a Caikit model's, a GGUF file, or the one within. */
import type { Stats } from "node:fs";
import { readdir, readFile, realpath, stat } from "node:fs/promises";
import { basename, isAbsolute, join, relative, resolve, sep } from "node:path";
import { CheckpointError, ConfigurationError } from "../../errors.js";
import { isGgufPath } from "../checkpoint/gguf/path.js";
import { systemErrorCode } from "../checkpoint/json.js";
import { parseCaikitConfig, refuseOtherModules } from "./caikit-config.js";
import { unreadable } from "./location/unreadable.js";
import { kindMarkers, mayBeModel, type ModelKind } from "./model-kinds.js";

export interface LocalModel {
  /** Absolute; has the checkpoint's files. The file itself where the checkpoint is a GGUF file. */
  readonly folder: string;
  /** Base name of the model's folder; of a Caikit model, not that of its artifacts; of a file, without `.gguf`. */
  readonly name: string;
  /** It came in a Caikit model folder. */
  readonly caikit: boolean;
}

/**
 * Takes, in this order: a GGUF file, and a folder with `config.json`, as they are; a Caikit model (`config.yml`), whose
 * artifacts folder is the checkpoint; a folder with one GGUF file; a folder with exactly one of these folders in it.
 * @throws {ConfigurationError} when `path` is missing, unreadable, another file, or does not say which model is meant.
 * @throws {CheckpointError} when it is a Caikit model that is not for text generation or does not have its weights.
 */
export async function resolveLocalModel(path: string): Promise<LocalModel> {
  const folder = resolve(path);
  const status = await statusOf(folder);
  if (status === undefined) throw new ConfigurationError(`model path ${folder} does not exist`);
  if (status.isFile() && isGgufPath(folder)) return { folder, name: basename(folder, ".gguf"), caikit: false };
  if (!status.isDirectory()) throw new ConfigurationError(`model path ${folder} is a file; it must be a folder`);

  const kind = await kindOf(folder);
  return kind === undefined ? resolveModelWithin(folder) : resolveModel(folder, kind);
}

async function resolveModel(folder: string, kind: ModelKind): Promise<LocalModel> {
  const name = basename(folder);
  if (kind === "huggingface") return { folder, name, caikit: false };
  if (kind === "gguf") return { folder: await findGguf(folder), name, caikit: false };
  return { folder: await findArtifacts(folder), name, caikit: true };
}

async function findGguf(folder: string): Promise<string> {
  const files = (await listFolder(folder)).filter(isGgufPath).sort();
  const [file] = files;
  if (file !== undefined && files.length === 1) return join(folder, file);
  throw new ConfigurationError(
    `model path ${folder} has ${files.length} GGUF files, give the path of one: ${files.join(", ")}`,
  );
}

async function resolveModelWithin(folder: string): Promise<LocalModel> {
  const models = await listModels(folder);
  const [model] = models;
  if (model === undefined) {
    throw new ConfigurationError(
      `model path ${folder} has no model: neither it nor a folder in it has config.json (Hugging Face) or config.yml (Caikit)`,
    );
  }
  if (models.length > 1) {
    const names = models.map(({ name }) => name).join(", ");
    throw new ConfigurationError(`model path ${folder} has ${models.length} models, give the path of one: ${names}`);
  }
  return resolveModel(join(folder, model.name), model.kind);
}

async function listModels(folder: string): Promise<{ name: string; kind: ModelKind }[]> {
  const names = (await listFolder(folder)).filter(mayBeModel).sort();
  const found = await Promise.all(names.map(async (name) => ({ name, kind: await kindOf(join(folder, name)) })));
  return found.flatMap(({ name, kind }) => (kind === undefined ? [] : [{ name, kind }]));
}

/** What a folder holds; undefined when it is no model, or no folder. */
async function kindOf(folder: string): Promise<ModelKind | undefined> {
  for (const { kind, file } of kindMarkers) {
    if ((await statusOf(join(folder, file)))?.isFile()) return kind;
  }
  return (await hasGguf(folder)) ? "gguf" : undefined;
}

/** What cannot be listed is no model: beside those of a models folder there may be anything. */
async function hasGguf(folder: string): Promise<boolean> {
  const names = await readdir(folder).catch(() => []);
  return names.some(isGgufPath);
}

async function findArtifacts(folder: string): Promise<string> {
  const file = join(folder, "config.yml");
  const config = parseCaikitConfig(await readText(file), file);
  refuseOtherModules(config, file);
  const { artifact_path: path, model_name: remote } = config;
  if (path === undefined) {
    const why = remote === undefined ? "" : `: it was saved without weights, for a server of ${remote}`;
    throw new CheckpointError(`${file} has no artifact_path${why}`);
  }
  const artifacts = resolve(folder, path);
  const isFolder = (await statusOf(artifacts))?.isDirectory() ?? false;
  if (!isFolder) throw new CheckpointError(`${file}: artifact_path ${path} is not a folder`);
  const isWithin = isInside(await realpath(artifacts), await realpath(folder));
  if (!isWithin) throw new CheckpointError(`${file}: artifact_path ${path} leads out of the model's folder`);
  return artifacts;
}

/** Both paths without symbolic links. */
function isInside(path: string, folder: string): boolean {
  const way = relative(folder, path);
  return way !== ".." && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}

/** Undefined when there is nothing at `path`. */
async function statusOf(path: string): Promise<Stats | undefined> {
  try {
    return await stat(path);
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw unreadable(path, error);
  }
}

async function listFolder(path: string): Promise<string[]> {
  return readdir(path).catch((error: unknown) => Promise.reject(unreadable(path, error)));
}

async function readText(path: string): Promise<string> {
  return readFile(path, "utf8").catch((error: unknown) => Promise.reject(unreadable(path, error)));
}
