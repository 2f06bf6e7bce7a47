import { bytes, toggle } from "../config/kinds.js";
import { loadOptions } from "../config/load.js";
import type { OptionTable, Values } from "../config/options.js";
import { settings } from "../config/settings.js";
import { ConfigurationError } from "../errors.js";
import type { CachedEntry } from "../model/source/cache/eviction.js";
import { formatBytes } from "../telemetry/progress/units.js";
import type { Command } from "./command.js";

const options = {
  modelCache: settings.modelCache,
  keep: {
    kind: bytes(),
    default: 0,
    group: "Prune",
    doc: "What the cache may still take afterwards, e.g. 20Gi.",
    isFlagOnly: true,
  },
  json: {
    kind: toggle(),
    default: false,
    group: "Output",
    doc: "Print one JSON object instead of lines for people.",
    isFlagOnly: true,
  },
} as const satisfies OptionTable;

type CacheValues = Values<typeof options>;

export const command: Command = {
  usage: "cache list|prune [options]",
  description: `list: the models in the cache, what was used last first. prune: removes models, what was not used for the longest
time first, until the cache takes no more than --keep. What a running server uses or downloads stays.`,
  table: options,

  async run(args) {
    const { values, positionals } = loadOptions({ table: options, args });
    const [action, unexpected] = positionals;
    if (unexpected !== undefined) throw new ConfigurationError(`unexpected argument ${JSON.stringify(unexpected)}`);
    if (action !== "list" && action !== "prune") {
      const given = action === undefined ? "" : `, got ${JSON.stringify(action)}`;
      throw new ConfigurationError(`say what to do with the cache: list or prune${given}`);
    }
    const answer = action === "list" ? await list(values) : await prune(values);
    process.stdout.write(`${answer}\n`);
    return 0;
  },
};

async function list({ modelCache, json }: CacheValues): Promise<string> {
  const { cache, listCache } = await openCache(modelCache);
  const entries = await listCache(cache);
  if (json) return JSON.stringify({ folder: cache.folder, entries });
  const total = entries.reduce((sum, entry) => sum + entry.bytes, 0);
  return [...entries.map(renderEntry), `${formatBytes(total)} in ${cache.folder}`].join("\n");
}

async function prune({ modelCache, json, keep }: CacheValues): Promise<string> {
  const { cache, pruneCache } = await openCache(modelCache);
  const { removed, bytes: left } = await pruneCache(cache, keep);
  if (json) return JSON.stringify({ folder: cache.folder, removed, bytes: left });
  const lines = removed.map((entry) => `removed ${nameOf(entry)}`);
  return [...lines, `${formatBytes(left)} left in ${cache.folder}`].join("\n");
}

async function openCache(folder: string) {
  const { CacheFolder, defaultCacheFolder } = await import("../model/source/cache/cache-folder.js");
  const { listCache, pruneCache } = await import("../model/source/cache/eviction.js");
  return { cache: new CacheFolder(folder === "" ? defaultCacheFolder() : folder), listCache, pruneCache };
}

function renderEntry(entry: CachedEntry): string {
  const state = entry.isUsed ? "in use" : entry.isComplete ? "complete" : "partial";
  const size = formatBytes(entry.bytes).padStart(8);
  return [size, state.padEnd(8), entry.lastUsed.toISOString(), nameOf(entry)].join("  ");
}

/** Where the model is from; for what is left of a removal that was broken off, the entry's own name. */
function nameOf({ uri, key }: CachedEntry): string {
  return uri === "" ? key : uri;
}
