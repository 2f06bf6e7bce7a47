/** Makes room for a model before it is downloaded. */
import { ConfigurationError } from "../../../errors.js";
import { formatBytes } from "../../../telemetry/progress/units.js";
import type { CacheFolder, EntryPaths } from "./cache-folder.js";
import { freeBytes, notEnoughRoom } from "./disk.js";
import { listCache, pruneCache, removeEntry } from "./eviction.js";

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
 * @param missingBytes What of the model has still to come.
 * @throws {ConfigurationError} when the model alone is larger than the bound, or the disk has no room.
 */
export async function makeRoom(options: RoomOptions, entry: EntryPaths, missingBytes: number): Promise<void> {
  const { cache, maxCacheBytes, warn } = options;
  const isKept = ({ key }: { readonly key: string }) => key === entry.key;
  const entries = await listCache(cache);
  const ownBytes = (entries.find(isKept)?.bytes ?? 0) + missingBytes;
  if (ownBytes > maxCacheBytes) {
    throw new ConfigurationError(
      `model cache ${cache.folder}: the model takes ${formatBytes(ownBytes)}, and the cache may take ${formatBytes(maxCacheBytes)} in all`,
    );
  }
  const { bytes } = await pruneCache(cache, maxCacheBytes - missingBytes, isKept);
  if (bytes > maxCacheBytes - missingBytes) {
    warn(
      `model cache ${cache.folder}: above its bound of ${formatBytes(maxCacheBytes)}, as models in use cannot be removed`,
    );
  }
  const free = await freeBytes(cache.folder);
  if (free >= missingBytes) return;
  await pruneCache(cache, bytes - (missingBytes - free), isKept);
  const freed = await freeBytes(cache.folder);
  if (freed < missingBytes) throw notEnoughRoom(cache.folder, missingBytes, freed);
}

/** Removes what is left of downloads of other versions of the same model: nobody will end them. */
export async function dropOtherPartials(cache: CacheFolder, uri: string, entry: EntryPaths): Promise<void> {
  const partials = (await listCache(cache)).filter((other) => !other.isComplete && other.uri === uri);
  const others = partials.filter(({ key }) => key !== entry.key);
  await Promise.all(others.map(({ key }) => removeEntry(cache, cache.entry(key))));
}
