/** Makes room for a model before it is downloaded. */
import { ConfigurationError } from "../../../errors.js";
import { formatBytes } from "../../../telemetry/progress/units.js";
import type { CacheFolder, EntryPaths } from "./cache-folder.js";
import { freeBytes, notEnoughRoom } from "./disk.js";
import { listCache, pruneCache, removeEntry, type CachedEntry } from "./eviction.js";

export interface RoomOptions {
  readonly cache: CacheFolder;
  /** What all entries may take together. */
  readonly maxCacheBytes: number;
  readonly warn: (message: string) => void;
}

/**
 * Evicts entries that nobody uses: until the model fits within the cache's bound, and into the disk. Where living
 * processes use so much that the bound cannot be kept, the bound gives way, with a warning.
 *
 * @param modelBytes Of the whole model; what of it is in the entry already needs no more room.
 * @throws {ConfigurationError} when the model alone is larger than the bound, or the disk has no room.
 */
export async function makeRoom(options: RoomOptions, entry: EntryPaths, modelBytes: number): Promise<void> {
  const { cache, maxCacheBytes, warn } = options;
  if (modelBytes > maxCacheBytes) {
    const sizes = `the model has ${formatBytes(modelBytes)}, and the cache may take ${formatBytes(maxCacheBytes)} in all`;
    throw new ConfigurationError(`model cache ${cache.folder}: ${sizes}`);
  }
  const isKept = ({ key }: { readonly key: string }) => key === entry.key;
  const ownBytes = (await listCache(cache)).find(isKept)?.bytes ?? 0;
  const missingBytes = Math.max(0, modelBytes - ownBytes);
  const { bytes } = await pruneCache(cache, maxCacheBytes - missingBytes, isKept);
  if (bytes > maxCacheBytes - missingBytes) {
    const bound = formatBytes(maxCacheBytes);
    warn(`model cache ${cache.folder}: above its bound of ${bound}, as models in use cannot be removed`);
  }
  const free = await freeBytes(cache.folder);
  if (free >= missingBytes) return;
  await pruneCache(cache, bytes - (missingBytes - free), isKept);
  const freed = await freeBytes(cache.folder);
  if (freed < missingBytes) throw notEnoughRoom(cache.folder, missingBytes, freed);
}

/** Removes what is left of downloads of other versions of the same model: nobody will end them. */
export async function dropOtherPartials(cache: CacheFolder, uri: string, entry: EntryPaths): Promise<void> {
  await removeWhere(cache, (other) => !other.isComplete && other.uri === uri && other.key !== entry.key);
}

/**
 * Removes everything else from the same URI, for stores that do not tell versions: no start would take it for the
 * latest, and each start leaves another one. To be called once `entry` is complete, as a copy is what an outage needs.
 */
export async function dropOtherCopies(cache: CacheFolder, uri: string, entry: EntryPaths): Promise<void> {
  await removeWhere(cache, (other) => other.uri === uri && other.key !== entry.key);
}

async function removeWhere(cache: CacheFolder, isUnwanted: (entry: CachedEntry) => boolean): Promise<void> {
  const unwanted = (await listCache(cache)).filter(isUnwanted);
  await Promise.all(unwanted.map(({ key }) => removeEntry(cache, cache.entry(key))));
}
