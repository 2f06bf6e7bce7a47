/** What is in a cache, and how it is kept within its bound: what was not used for the longest time goes first. */
import { open, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { isJsonObject } from "../../checkpoint/json.js";
import { parseHeader } from "../download/journal.js";
import type { CacheFolder, EntryPaths } from "./cache-folder.js";
import { Lock } from "./lock.js";
import { readManifest } from "./manifest.js";
import { isUsed } from "./users.js";

export interface CachedEntry {
  readonly key: string;
  /** Where the model is from; empty when nothing tells. */
  readonly uri: string;
  /** Everything is there; else a download was broken off, or is under way. */
  readonly isComplete: boolean;
  /** Digest of the model; undefined until it is complete. */
  readonly digest: string | undefined;
  /** What it takes on the disk. */
  readonly bytes: number;
  readonly lastUsed: Date;
  /** A living process uses it. */
  readonly isUsed: boolean;
}

/** Everything in the cache, what was used last first. */
export async function listCache(cache: CacheFolder): Promise<CachedEntry[]> {
  const found = await Promise.all((await cache.entries()).map((entry) => describeEntry(cache, entry)));
  return found.sort((a, b) => b.lastUsed.getTime() - a.lastUsed.getTime());
}

/**
 * Removes entries, the one that was used least recently first, until the cache takes at most `maxBytes`. An entry that
 * a living process uses or downloads stays.
 *
 * @param isKept Entries that stay in any case, although they count.
 * @returns What was removed, and how many bytes are still there.
 */
export async function pruneCache(
  cache: CacheFolder,
  maxBytes: number,
  isKept: (entry: CachedEntry) => boolean = () => false,
): Promise<{ readonly removed: readonly CachedEntry[]; readonly bytes: number }> {
  const entries = await listCache(cache);
  const removed: CachedEntry[] = [];
  let bytes = entries.reduce((sum, entry) => sum + entry.bytes, 0);
  for (const entry of entries.toReversed()) {
    if (bytes <= maxBytes) break;
    if (entry.isUsed || isKept(entry) || !(await removeEntry(cache, cache.entry(entry.key)))) continue;
    removed.push(entry);
    bytes -= entry.bytes;
  }
  return { removed, bytes };
}

/** False when a living process uses the entry, or downloads it: it stays. */
export async function removeEntry(cache: CacheFolder, entry: EntryPaths): Promise<boolean> {
  const lock = await Lock.tryAcquire(cache.lockOptions(entry));
  if (lock === undefined) return false;
  try {
    if (await isUsed(cache, entry)) return false;
    await rm(entry.manifest, { force: true }); // first, so that half an entry never looks complete
    await rm(entry.folder, { recursive: true, force: true });
    return true;
  } finally {
    await lock.release();
  }
}

async function describeEntry(cache: CacheFolder, entry: EntryPaths): Promise<CachedEntry> {
  const manifest = await readManifest(entry.manifest);
  const [uri, lastUsed] = await Promise.all([manifest?.uri ?? uriOfPartial(entry), lastUseOf(entry)]);
  return {
    key: entry.key,
    uri,
    isComplete: manifest !== undefined,
    digest: manifest?.digest,
    bytes: await allocatedBytes(entry.folder),
    lastUsed,
    isUsed: await isUsed(cache, entry),
  };
}

const headerBytes = 65_536;

async function uriOfPartial({ journal }: EntryPaths): Promise<string> {
  const handle = await open(journal, "r").catch(() => undefined);
  if (handle === undefined) return "";
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(headerBytes), 0, headerBytes, 0);
    const [, uri = ""] = /^\{"uri":("(?:[^"\\]|\\.)*")/.exec(buffer.toString("utf8", 0, bytesRead)) ?? [];
    const header = parseHeader(`{"uri":${uri}}\n`);
    return isJsonObject(header) && typeof header["uri"] === "string" ? header["uri"] : "";
  } finally {
    await handle.close();
  }
}

/** When it was used; of one that never was, when its download last made progress. */
async function lastUseOf(entry: EntryPaths): Promise<Date> {
  for (const path of [entry.used, entry.journal, entry.folder]) {
    const status = await stat(path).catch(() => undefined);
    if (status !== undefined) return status.mtime;
  }
  return new Date(0); // removed since it was listed
}

const blockUnit = 512; // what st_blocks counts in, whatever the file system

async function allocatedBytes(folder: string): Promise<number> {
  const files = await readdir(folder, { recursive: true }).catch(() => []);
  const statuses = await Promise.all(files.map((file) => stat(join(folder, file)).catch(() => undefined)));
  return statuses.reduce((sum, status) => sum + (status?.blocks ?? 0) * blockUnit, 0);
}
