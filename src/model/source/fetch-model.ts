/**
 * Fetches a model from a store into a local cache. What is there already is not fetched again; what several processes
 * want at once, one of them fetches. How it works, and why: docs/decisions/0015-model-cache.md.
 */
import { UnavailableError } from "../../errors.js";
import { ProgressMeter, type ProgressListener } from "../../telemetry/progress/index.js";
import { CacheFolder } from "./cache/cache-folder.js";
import { listCache } from "./cache/eviction.js";
import type { HeartbeatTiming } from "./cache/living-process.js";
import { LockLostError } from "./cache/lock.js";
import type { DownloadOptions } from "./download/download.js";
import { defaultRetry, withRetries } from "./download/retry.js";
import { fetchListed, takeEntry, type CachedModel, type FetchContext } from "./fetch-entry.js";
import { describeFetchError } from "./fetch-errors.js";
import { checkListing, type Listing } from "./listing.js";
import { RemoteChangedError, RemoteError, type RemoteFolder } from "./remote-folder.js";

export interface FetchOptions {
  readonly cacheFolder: string;
  /** What all models in the cache may take together; undefined: what the disk has. */
  readonly maxCacheBytes?: number | undefined;
  /** Bytes that one request asks for. Larger: fewer requests. Smaller: less is lost when one breaks. */
  readonly partBytes?: number;
  /** Requests at once. More: faster where the store or the way to it is slow; each takes 2 MiB of memory. */
  readonly concurrency?: number;
  /** Reads all files of a model that is in the cache, instead of looking at length and time. */
  readonly isThorough?: boolean;
  readonly signal: AbortSignal;
  readonly onProgress?: ProgressListener;
  /**
   * Called with the model's folder when everything but the weights is there. The download goes on meanwhile, and ends
   * with this function's error if it fails. Called again if the model was replaced in the store during the download.
   */
  readonly onSmallFiles?: (folder: string) => void | Promise<void>;
  /** Told, in a sentence for the log, what is no failure and should still be known. */
  readonly onWarning?: (message: string) => void;
  /** What nobody has to set: tests do. */
  readonly internals?: Partial<Pick<DownloadOptions, "retry" | "stallMs" | "openFile">> & {
    readonly timing?: HeartbeatTiming;
  };
}

const defaults = { partBytes: 16 * 2 ** 20, concurrency: 8, stallMs: 10_000, retry: defaultRetry };
/** Of a model that keeps changing. */
const maxListings = 4;
/** With a copy at hand, a store that fails is not asked for as long as without one. */
const listingTriesWithCopy = 3;

/**
 * Ends when the last byte is in its place and every file has its digest; that the files are synced, and that the entry
 * becomes visible to the next start, happens while the caller loads the model (`committed`).
 *
 * When the store cannot be reached, the copy from the same URI that was used last is taken, with a warning; when it
 * answers that the model is gone, or not for us, it is not.
 *
 * @throws {ConfigurationError} when there is no model, the store refuses, or the disk has no room.
 * @throws {CheckpointError} when the model in the store is not complete.
 * @throws {UnavailableError} when the store fails again and again, or the model changes all the time.
 */
export async function fetchModel(remote: RemoteFolder, options: FetchOptions): Promise<CachedModel> {
  const context = contextOf(remote, options);
  try {
    await context.cache.create();
    const model = await fetchLatest(context);
    context.meter.begin("complete");
    return model;
  } catch (error) {
    options.signal.throwIfAborted();
    throw describeFetchError(error, context.cache.folder);
  }
}

function contextOf(remote: RemoteFolder, options: FetchOptions): FetchContext {
  const { partBytes = defaults.partBytes, concurrency = defaults.concurrency } = options;
  const { timing, ...internals } = options.internals ?? {};
  return {
    remote,
    cache: new CacheFolder(options.cacheFolder, timing),
    meter: new ProgressMeter(options.onProgress ?? ignore),
    download: { ...defaults, partBytes, concurrency, ...internals },
    maxCacheBytes: options.maxCacheBytes ?? Infinity,
    isThorough: options.isThorough ?? false,
    signal: options.signal,
    onSmallFiles: options.onSmallFiles ?? ignore,
    warn: options.onWarning ?? ignore,
  };
}

function ignore(): void {
  // nobody listens
}

async function fetchLatest(context: FetchContext): Promise<CachedModel> {
  const { remote, warn } = context;
  for (let listings = 1; ; listings++) {
    try {
      const listed = await listOrTakeCopy(context);
      return "folder" in listed ? listed : await fetchListed(context, listed);
    } catch (error) {
      if (!(error instanceof RemoteChangedError || error instanceof LockLostError)) throw error;
      if (listings === maxListings) {
        throw new UnavailableError(`${remote.uri}: begun ${listings} times: ${error.message}`, { cause: error });
      }
      warn(`${remote.uri}: beginning anew: ${error.message}`);
    }
  }
}

async function listOrTakeCopy(context: FetchContext): Promise<Listing | CachedModel> {
  const { remote, cache, meter, signal, warn } = context;
  meter.begin("listing");
  const copies = (await listCache(cache)).filter(({ uri, isComplete }) => isComplete && uri === remote.uri);
  const { retry } = context.download;
  const attempts = copies.length > 0 ? Math.min(listingTriesWithCopy, retry.attempts) : retry.attempts;
  try {
    return checkListing(remote.uri, await withRetries(() => remote.list(signal), { ...retry, attempts }, signal));
  } catch (error) {
    if (!(error instanceof RemoteError && error.isOutage)) throw error;
    for (const { key } of copies) {
      const model = await takeEntry(context, cache.entry(key));
      if (model === undefined) continue;
      warn(`${remote.uri}: using the copy in the cache, which may not be the latest: ${error.message}`);
      return model;
    }
    throw error;
  }
}
