/**
 * Chooses which files of a remote folder a server needs. Nothing is read here: where the contents of a file decide
 * (an index of shards, Caikit's `config.yml`), that file is asked for, and the caller comes back with its text.
 */
import { posix } from "node:path";
import { CheckpointError, ConfigurationError } from "../../errors.js";
import { smallFiles, weightFormats } from "../checkpoint/file-names.js";
import { parseJsonObject, isJsonObject } from "../checkpoint/json.js";
import { parseCaikitConfig } from "./caikit-config.js";
import { describeFound, quoted, type Listing } from "./listing.js";
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
  const root = findModel(listing);
  const caikit = listing.files.get(`${root}config.yml`);
  if (caikit === undefined || listing.files.has(`${root}config.json`)) return selectCheckpoint(listing, root, texts);
  const text = texts.get(caikit.path);
  if (text === undefined) return { wanted: caikit };
  const selected = selectCheckpoint(listing, artifactsOf(caikit, text, root), texts);
  return "wanted" in selected ? selected : { ...selected, small: [caikit, ...selected.small] };
}

/** The folder of the one model, empty or with `/` at its end: the listed folder itself, or one within. */
function findModel(listing: Listing): string {
  if (isModel(listing, "")) return "";
  const names = new Set([...listing.files.keys()].flatMap((path) => (path.includes("/") ? [topOf(path)] : [])));
  const models = [...names].filter((name) => isModel(listing, `${name}/`)).sort();
  const [model] = models;
  if (model === undefined)
    throw noModel(listing, "neither it nor a folder in it has config.json, config.yml or *.gguf");
  if (models.length === 1) return `${model}/`;
  const list = describeFound({ ...listing, found: models });
  throw new ConfigurationError(`${listing.uri} has ${models.length} models, give the URI of one: ${list}`);
}

function isModel({ files }: Listing, folder: string): boolean {
  return files.has(`${folder}config.json`) || files.has(`${folder}config.yml`) || ggufFiles(files, folder).length > 0;
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
  return { small, weights: [selectGguf(listing, folder)] };
}

function shardsOf(index: RemoteFile, text: string, folder: string, { files, uri }: Listing): RemoteFile[] {
  const { weight_map: weightMap } = parseJsonObject(text, index.path);
  if (!isJsonObject(weightMap)) throw new CheckpointError(`${index.path}: weight_map must be an object`);
  const names = [...new Set(Object.values(weightMap))].sort();
  return names.map((name) => {
    const shard = typeof name === "string" ? files.get(folder + name) : undefined;
    if (shard !== undefined) return shard;
    throw new CheckpointError(`${uri}: ${index.path} names the shard ${quoted(String(name))}, which is not there`);
  });
}

function selectGguf(listing: Listing, folder: string): RemoteFile {
  const [file, ...others] = ggufFiles(listing.files, folder);
  if (file === undefined) {
    const wanted = weightFormats.map(({ file: name }) => name).join(", ");
    throw noModel(listing, `there are no weights (${wanted}, their index, or *.gguf)`);
  }
  if (others.length === 0) return file;
  const names = [file, ...others].map(({ path }) => path);
  const list = describeFound({ ...listing, found: names });
  throw new ConfigurationError(
    `${listing.uri} has ${names.length} GGUF files, put one into a folder of its own: ${list}`,
  );
}

function ggufFiles(files: Listing["files"], folder: string): RemoteFile[] {
  return [...files.values()].filter(
    ({ path }) => path.endsWith(".gguf") && path.lastIndexOf("/") + 1 === folder.length && path.startsWith(folder),
  );
}

/** The folder that a Caikit model's `config.yml` names, below the model's own. */
function artifactsOf(config: RemoteFile, text: string, root: string): string {
  const { artifact_path: path } = parseCaikitConfig(text, config.path);
  if (path === undefined) throw new CheckpointError(`${config.path} has no artifact_path`);
  const folder = posix.normalize(`${path}/`);
  if (!folder.startsWith("/") && !folder.startsWith("../")) return root + (folder === "./" ? "" : folder);
  throw new CheckpointError(`${config.path}: artifact_path ${quoted(path)} leads out of the model's folder`);
}

function noModel(listing: Listing, why: string): ConfigurationError {
  if (listing.found.length === 0) return new ConfigurationError(`${listing.uri} has no files: is the name right?`);
  return new ConfigurationError(`${listing.uri} has no model: ${why}; found ${describeFound(listing)}`);
}
