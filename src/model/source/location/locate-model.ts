/** Chooses what names the model: the setting, then the environments of TGIS, KServe and Caikit, then what is mounted. */
import type { Environment } from "../../../config/environment.js";
import { redactUri } from "../../../config/redact.js";
import { ConfigurationError } from "../../../errors.js";
import { isGgufPath } from "../../checkpoint/gguf/path.js";
import { hasEntries, isFolder } from "./folders.js";
import { hubCacheFolder, isHubModelId } from "./hub-cache.js";
import { mountedModel, parseModelLocation, type ModelLocation } from "./model-location.js";
import { modelVariables } from "./names.js";

/** What is asked of this machine's disk; tests give their own. */
export interface Folders {
  isFolder(path: string): boolean;
  hasEntries(path: string): boolean;
}

export interface LocateInput {
  /** The setting `model`; empty when it is not set. */
  readonly setting: string;
  readonly environment: Environment;
  readonly folders?: Folders;
}

export interface LocatedModel {
  readonly location: ModelLocation;
  /** The name that won, e.g. `STORAGE_URI`; for the log. */
  readonly source: string;
  /** What that name held, without secrets. */
  readonly text: string;
}

/**
 * @returns Undefined when nothing names a model: the one that ships with Ortler is meant.
 * @throws {ConfigurationError} naming the value and what is allowed, or a folder that cannot be read.
 */
export function locateModel(input: LocateInput): LocatedModel | undefined {
  const { setting, environment, folders = { isFolder, hasEntries } } = input;
  const variable = modelVariables.find((name) => !isEmpty(environment[name]));
  const named = [
    { source: "--model", text: setting },
    ...(variable === undefined ? [] : [{ source: variable, text: environment[variable] ?? "" }]),
  ];
  const found = named.find(({ text }) => !isEmpty(text)) ?? findMounted(folders);
  if (found === undefined) return undefined;
  return { location: locate(found.text, environment, folders), source: found.source, text: redactUri(found.text) };
}

/** Looked at only when nothing is named: a mount that cannot be read is no fault of a server with another model. */
function findMounted(folders: Folders): { readonly source: string; readonly text: string } | undefined {
  return folders.hasEntries(mountedModel) ? { source: mountedModel, text: mountedModel } : undefined;
}

function locate(text: string, environment: Environment, folders: Folders): ModelLocation {
  const location = parseModelLocation(text);
  if (/^pvc:/i.test(text) && !folders.isFolder(mountedModel)) {
    throw new ConfigurationError(
      `model ${text}: the claim is expected as a folder at ${mountedModel}, where KServe mounts it, and there is none`,
    );
  }
  if (location.kind !== "local" || isGgufPath(location.path)) return location;
  if (folders.isFolder(location.path) || !isHubModelId(text)) return location;
  const { REVISION: revision } = environment;
  return {
    kind: "hub-cache",
    model: text,
    revision: revision === undefined || revision === "" ? "main" : checkedRevision(revision),
    cache: hubCacheFolder(environment),
  };
}

/** It becomes part of a path. */
function checkedRevision(revision: string): string {
  if (/^[\w-][\w./-]*$/.test(revision) && !revision.includes("..")) return revision;
  throw new ConfigurationError(`REVISION must be a branch, a tag or a commit, got ${JSON.stringify(revision)}`);
}

function isEmpty(text: string | undefined): boolean {
  return text === undefined || text === "";
}
