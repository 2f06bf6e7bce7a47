/** Fetches one version of a model into its entry of the cache, or takes it from there. */
import { randomUUID } from "node:crypto";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { ProgressMeter } from "../../telemetry/progress/index.js";
import { modelDigest } from "../digest/combine.js";
import { entryKey, modelName, type CacheFolder, type EntryPaths } from "./cache/cache-folder.js";
import { findDamage } from "./cache/check.js";
import { describeDiskError } from "./cache/disk.js";
import { dropOtherCopies, dropOtherPartials, makeRoom } from "./cache/room.js";
import { Lock } from "./cache/lock.js";
import { modelFolder, readManifest, stampOf, syncFolders, writeManifest } from "./cache/manifest.js";
import { useEntry, type Usage } from "./cache/users.js";
import { Download, type DownloadOptions } from "./download/download.js";
import { readRemoteText } from "./download/read-text.js";
import type { Listing } from "./listing.js";
import { selectFiles, type NeededFiles } from "./needed-files.js";
import type { RemoteFolder } from "./remote-folder.js";

export interface CachedModel {
  /** Has the files as the store has them; its name is the model's. */
  readonly folder: string;
  /** `sha256:...` over the checkpoint's files; the same for the same contents, wherever they are from. */
  readonly digest: string;
  /** Never fails: fulfilled when the entry is complete on disk, and the next start finds it. A failure is a warning. */
  readonly committed: Promise<void>;
  /** The entry may be evicted again. Ends after `committed`. */
  release(): Promise<void>;
}

/** Everything that one fetch works with. */
export interface FetchContext {
  readonly remote: RemoteFolder;
  readonly cache: CacheFolder;
  readonly meter: ProgressMeter;
  readonly download: DownloadOptions;
  readonly maxCacheBytes: number;
  readonly isThorough: boolean;
  readonly signal: AbortSignal;
  readonly onSmallFiles: (folder: string) => void | Promise<void>;
  readonly warn: (message: string) => void;
}

/**
 * @throws {RemoteChangedError} when the model was replaced in the store since it was listed.
 * @throws {LockLostError} when another process took over.
 */
export async function fetchListed(context: FetchContext, listing: Listing): Promise<CachedModel> {
  const entry = context.cache.entry(entryKey(listing, saltFor(context, listing)));
  return withLock(context, entry, async (signal) => {
    const cached = await takeComplete(context, entry, signal);
    return cached ?? download(context, entry, listing, signal);
  });
}

/** A complete entry as it is, without asking the store; undefined when it is damaged or gone. */
export async function takeEntry(context: FetchContext, entry: EntryPaths): Promise<CachedModel | undefined> {
  return withLock(context, entry, (signal) => takeComplete(context, entry, signal));
}

/** The lock is held until the model is committed. */
async function withLock<T extends CachedModel | undefined>(
  { cache, meter, signal }: FetchContext,
  entry: EntryPaths,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const lock = await Lock.acquire(cache.lockOptions(entry), () => meter.begin("waiting"), signal);
  try {
    const model = await work(AbortSignal.any([signal, lock.lost]));
    if (model === undefined) await lock.release();
    else void model.committed.then(() => lock.release());
    return model;
  } catch (error) {
    await lock.release();
    throw lock.lost.aborted ? lock.lost.reason : error;
  }
}

/** Without versions, what has the same name and length may still be another file: nothing is then used again. */
function saltFor({ remote, warn }: FetchContext, listing: Listing): string {
  if (hasVersions(listing)) return "";
  warn(`${remote.uri}: the server does not tell versions of files, so the model is fetched anew at every start`);
  return randomUUID();
}

function hasVersions({ files }: Listing): boolean {
  return [...files.values()].every(({ version }) => version !== undefined);
}

async function takeComplete(
  context: FetchContext,
  entry: EntryPaths,
  signal: AbortSignal,
): Promise<CachedModel | undefined> {
  const { meter, isThorough, warn } = context;
  const manifest = await readManifest(entry.manifest);
  if (manifest === undefined) return undefined;
  const onStart = (bytes: number) => meter.begin("verifying", bytes);
  const damaged = await findDamage(entry, manifest, {
    isThorough,
    signal,
    onStart,
    onBytes: (bytes) => meter.add(bytes),
  });
  if (damaged.length > 0) {
    warn(`${manifest.uri}: damaged in the cache, to be fetched again: ${damaged.join(", ")}`);
    await rm(entry.manifest);
    return undefined;
  }
  const folder = modelFolder(entry.model, manifest);
  await context.onSmallFiles(folder);
  return give(folder, manifest.digest, Promise.resolve(), await useEntry(context.cache, entry));
}

async function decideFiles({ remote, download }: FetchContext, listing: Listing, signal: AbortSignal) {
  const texts = new Map<string, string>();
  for (;;) {
    const selected = selectFiles(listing, texts);
    if (!("wanted" in selected)) return selected;
    texts.set(selected.wanted.path, await readRemoteText(remote, selected.wanted, download.retry, signal));
  }
}

async function download(
  context: FetchContext,
  entry: EntryPaths,
  listing: Listing,
  signal: AbortSignal,
): Promise<CachedModel> {
  const { remote, cache, meter, warn } = context;
  const files = await decideFiles(context, listing, signal);
  const name = modelName(remote.uri);
  const folder = join(entry.model, name);
  await dropOtherPartials(cache, remote.uri, entry);
  await makeRoom(context, entry, totalBytes(files));
  await mkdir(folder, { recursive: true });
  const target = { folder, journal: entry.journal };
  const running = await Download.open({ remote, files }, target, context.download, meter, signal);
  try {
    await running.run(() => context.onSmallFiles(folder), signal);
    const usage = await useEntry(cache, entry);
    const committed = commit(running, entry, remote.uri, name)
      .then(() => (hasVersions(listing) ? undefined : dropOtherCopies(cache, remote.uri, entry)))
      .finally(() => running.close())
      .catch((error: unknown) => warn(describeCommitFailure(error, cache.folder)));
    return give(folder, modelDigest(running.digests()), committed, usage);
  } catch (error) {
    await running.close();
    throw error;
  }
}

function totalBytes({ small, weights }: NeededFiles): number {
  return [...small, ...weights].reduce((sum, { byteLength }) => sum + byteLength, 0);
}

/** Files first, then the folders that name them, then the manifest: what is visible is whole. */
async function commit(running: Download, entry: EntryPaths, uri: string, name: string): Promise<void> {
  await running.sync();
  const folder = modelFolder(entry.model, { name });
  await syncFolders(folder, entry.folder);
  const files = await Promise.all(
    running.digests().map(async (file) => ({ ...file, stamp: (await stampOf(join(folder, file.path))).stamp })),
  );
  await writeManifest(entry.manifest, { format: 1, uri, name, digest: modelDigest(files), files });
}

function describeCommitFailure(error: unknown, cacheFolder: string): string {
  const described = describeDiskError(error, cacheFolder);
  const why = described instanceof Error ? described.message : String(described);
  return `the model is in use, but the cache could not be brought up to date: ${why}`;
}

function give(folder: string, digest: string, committed: Promise<void>, usage: Usage): CachedModel {
  return {
    folder,
    digest,
    committed,
    async release() {
      await committed;
      await usage.release();
    },
  };
}
