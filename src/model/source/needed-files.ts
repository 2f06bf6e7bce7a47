/**
 * Chooses which files of a remote folder a server needs. Nothing is read here: where the contents of a file decide
 * (an index of shards, Caikit's `config.yml`), that file is asked for, and the caller comes back with its text.
 */
import { posix } from "node:path";
import { CheckpointError, ConfigurationError } from "../../errors.js";
import { smallFiles, weightFormats } from "../checkpoint/file-names.js";
import { isGgufPath } from "../checkpoint/gguf/path.js";
import { parseJsonObject, isJsonObject } from "../checkpoint/json.js";
import { parseCaikitConfig, refuseOtherModules } from "./caikit-config.js";
import { describeFound, quoted, type Listing } from "./listing.js";
import { kindMarkers, mayBeModel, type ModelKind } from "./model-kinds.js";
import type { RemoteFile } from "./remote-folder.js";

/** In the order in which they are fetched. */
export interface NeededFiles {
  /** Configuration, tokenizer, indexes: enough to make everything but the weights ready. */
  readonly small: readonly RemoteFile[];
  readonly weights: readonly RemoteFile[];
}

/** The text of this file decides what else is needed. */
export interface WantedText {
  readonly wanted: RemoteFile;
}

/**
 * @param texts Of the files that were wanted before, by path.
 * @throws {ConfigurationError} when there is no model, or several, with what was found.
 * @throws {CheckpointError} when a model is not complete, or a file that decides makes no sense.
 */
export function selectFiles(listing: Listing, texts: ReadonlyMap<string, string>): NeededFiles | WantedText {
  const { root, kind } = findModel(listing);
  if (kind === "gguf") return { small: [], weights: [selectGguf(listing, root)] };
  if (kind === "huggingface") return selectCheckpoint(listing, root, texts);
  const config = listing.files.get(`${root}config.yml`);
  if (config === undefined) throw noModel(listing, "there is no config.yml");
  const text = texts.get(config.path);
  if (text === undefined) return { wanted: config };
  const artifacts = artifactsOf(config, text, root);
  if (!listing.files.has(`${artifacts}config.json`)) {
    throw new CheckpointError(`${config.path}: its artifacts ${quoted(artifacts)} have no config.json`);
  }
  const selected = selectCheckpoint(listing, artifacts, texts);
  return "wanted" in selected ? selected : { ...selected, small: [config, ...selected.small] };
}

interface FoundModel {
  /** Its folder, empty or with `/` at its end. */
  readonly root: string;
  readonly kind: ModelKind;
}

/** The one model: the listed folder itself, or one within. */
function findModel(listing: Listing): FoundModel {
  const itself = modelAt(listing, "");
  if (itself !== undefined) return itself;
  const names = new Set([...listing.files.keys()].flatMap((path) => (path.includes("/") ? [topOf(path)] : [])));
  const models = [...names]
    .filter(mayBeModel)
    .sort()
    .flatMap((name) => modelAt(listing, `${name}/`) ?? []);
  const [model] = models;
  if (model === undefined)
    throw noModel(listing, "neither it nor a folder in it has config.json, config.yml or *.gguf");
  if (models.length === 1) return model;
  const list = describeFound({ ...listing, found: models.map(({ root }) => topOf(root)) });
  throw new ConfigurationError(`${listing.uri} has ${models.length} models, give the URI of one: ${list}`);
}

function modelAt({ files }: Listing, root: string): FoundModel | undefined {
  const marker = kindMarkers.find(({ file }) => files.has(root + file));
  if (marker !== undefined) return { root, kind: marker.kind };
  return ggufFiles(files, root).length > 0 ? { root, kind: "gguf" } : undefined;
}

function topOf(path: string): string {
  return path.slice(0, path.indexOf("/"));
}

function selectCheckpoint(
  listing: Listing,
  folder: string,
  texts: ReadonlyMap<string, string>,
): NeededFiles | WantedText {
  const { files } = listing;
  const templates = [...files.values()].filter(({ path }) => path.startsWith(`${folder}additional_chat_templates/`));
  const small = [...smallFiles.flatMap((name) => files.get(folder + name) ?? []), ...templates];
  for (const format of weightFormats) {
    const weights = files.get(folder + format.file);
    if (weights !== undefined) return { small, weights: [weights] };
    const index = files.get(folder + format.index);
    if (index === undefined) continue;
    const text = texts.get(index.path);
    if (text === undefined) return { wanted: index };
    return { small: [...small, index], weights: shardsOf(index, text, folder, listing) };
  }
  throw noModel(listing, `there are no weights (${weightFormats.map(({ file }) => file).join(", ")}, or their index)`);
}

function shardsOf(index: RemoteFile, text: string, folder: string, { files, uri }: Listing): RemoteFile[] {
  const { weight_map: weightMap } = parseJsonObject(text, index.path);
  if (!isJsonObject(weightMap)) throw new CheckpointError(`${index.path}: weight_map must be an object`);
  const names = [...new Set(Object.values(weightMap))].sort();
  return names.map((name) => {
    const isName = typeof name === "string" && !name.includes("/"); // a path is refused by who reads the checkpoint
    const shard = isName ? files.get(folder + name) : undefined;
    if (shard !== undefined) return shard;
    throw new CheckpointError(`${uri}: ${index.path} names the shard ${quoted(String(name))}, which is not there`);
  });
}

function selectGguf(listing: Listing, folder: string): RemoteFile {
  const found = ggufFiles(listing.files, folder);
  const [file] = found;
  if (file !== undefined && found.length === 1) return file;
  const names = found.map(({ path }) => path);
  const list = describeFound({ ...listing, found: names });
  throw new ConfigurationError(
    `${listing.uri} has ${names.length} GGUF files, put one into a folder of its own: ${list}`,
  );
}

function ggufFiles(files: Listing["files"], folder: string): RemoteFile[] {
  return [...files.values()].filter(
    ({ path }) => isGgufPath(path) && path.lastIndexOf("/") + 1 === folder.length && path.startsWith(folder),
  );
}

/** The folder that a Caikit model's `config.yml` names, below the model's own. */
function artifactsOf(config: RemoteFile, text: string, root: string): string {
  const parsed = parseCaikitConfig(text, config.path);
  refuseOtherModules(parsed, config.path);
  const { artifact_path: path } = parsed;
  if (path === undefined) throw new CheckpointError(`${config.path} has no artifact_path`);
  const folder = posix.normalize(`${path}/`);
  if (!folder.startsWith("/") && !folder.startsWith("../")) return root + (folder === "./" ? "" : folder);
  throw new CheckpointError(`${config.path}: artifact_path ${quoted(path)} leads out of the model's folder`);
}

function noModel(listing: Listing, why: string): ConfigurationError {
  if (listing.found.length === 0) return new ConfigurationError(`${listing.uri} has no files: is the name right?`);
  return new ConfigurationError(`${listing.uri} has no model: ${why}; found ${describeFound(listing)}`);
}
