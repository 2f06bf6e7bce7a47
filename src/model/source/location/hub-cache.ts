/**
 * The cache of Hugging Face's libraries, where TGIS looks its models up: `models--owner--model/refs/main` holds the
 * commit, whose files are in `snapshots/<commit>` (https://huggingface.co/docs/huggingface_hub/guides/manage-cache).
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Environment } from "../../../config/environment.js";
import { ConfigurationError } from "../../../errors.js";
import { hasEntries } from "./folders.js";
import type { HubCacheLocation } from "./model-location.js";
import { hubCacheVariables } from "./names.js";

/** Of a text that is no path: `owner/model` or `model`. */
const modelId = /^[A-Za-z0-9][\w.-]*(\/[A-Za-z0-9][\w.-]*)?$/;

export function isHubModelId(text: string): boolean {
  return modelId.test(text) && !text.includes("..");
}

/**
 * The cache's folder, as the hub's library finds it.
 *
 * @throws {ConfigurationError} when two names are set to different folders: TGIS refuses that, too.
 */
export function hubCacheFolder(environment: Environment): string {
  const set = hubCacheVariables.flatMap((name) => {
    const folder = environment[name];
    return isSet(folder) ? [{ name, folder }] : [];
  });
  const [first, ...others] = set;
  if (first === undefined) return join(hubHome(environment), "hub");
  const other = others.find(({ folder }) => folder !== first.folder);
  if (other === undefined) return first.folder;
  throw new ConfigurationError(
    `${first.name}=${first.folder} and ${other.name}=${other.folder} name different folders; set ${first.name} only`,
  );
}

/** Where Hugging Face's libraries keep their things. */
export function hubHome(environment: Environment): string {
  const { HF_HOME: home, HOME: user } = environment;
  return isSet(home) ? home : join(isSet(user) ? user : "/", ".cache/huggingface");
}

/**
 * The folder with the files of a model in the cache.
 *
 * @throws {ConfigurationError} when the cache does not have that revision, naming the folder that was looked for.
 */
export async function findInHubCache({ model, revision, cache }: HubCacheLocation): Promise<string> {
  const folder = join(cache, `models--${model.replace("/", "--")}`);
  const commit = (await readReference(join(folder, "refs", revision))) ?? revision;
  const snapshot = join(folder, "snapshots", commit);
  if (hasEntries(snapshot)) return snapshot;
  const hint = model.includes("/") ? `; hf://${model} downloads it` : "";
  throw new ConfigurationError(
    `model ${model} is no folder here, and the hub's cache does not have it (revision ${revision}, ${snapshot})${hint}`,
  );
}

async function readReference(file: string): Promise<string | undefined> {
  const text = await readFile(file, "utf8").catch(() => undefined);
  return text !== undefined && /^[0-9a-f]{40,64}$/.test(text.trim()) ? text.trim() : undefined;
}

function isSet(value: string | undefined): value is string {
  return value !== undefined && value !== "";
}
