/** Brings a model's files to this machine, wherever they are. */
import type { Environment } from "../../config/environment.js";
import { defaultCacheFolder } from "./cache/cache-folder.js";
import type { FetchOptions } from "./fetch-model.js";
import { findInHubCache } from "./location/hub-cache.js";
import type { ModelLocation, RemoteLocation } from "./location/model-location.js";
import { Secret } from "./location/secret.js";
import type { RemoteFolder } from "./remote-folder.js";
import { isInOtherRoot, OtherRoot } from "./stores/other-root.js";

export interface ProvideOptions extends Pick<
  FetchOptions,
  "onProgress" | "onSmallFiles" | "onWarning" | "maxCacheBytes" | "isThorough"
> {
  readonly environment: Environment;
  /** Where fetched models are kept; by default in the user's cache. */
  readonly cacheFolder?: string | undefined;
  readonly partBytes: number;
  readonly concurrency: number;
  /** Bearer token for an `https://` folder. */
  readonly httpToken?: string | undefined;
}

export interface ProvidedModel {
  /** Or a file. */
  readonly folder: string;
  /** Of a model that was fetched: `sha256:...` over its checkpoint's files. */
  readonly digest?: string | undefined;
  /** The cache may evict it again. */
  readonly release: () => Promise<void>;
}

/** Whether the model has to be fetched, which may take a while. */
export function isRemote(location: ModelLocation): location is RemoteLocation {
  return location.kind !== "local" && location.kind !== "hub-cache";
}

/**
 * @throws {ConfigurationError} when the model is not there, or the store refuses.
 * @throws {UnavailableError} when the store does not answer.
 */
export async function provideModel(location: ModelLocation, options: ProvideOptions): Promise<ProvidedModel> {
  if (location.kind === "local") return provideLocal(location.path, options);
  if (location.kind === "hub-cache") return { folder: await findInHubCache(location), release: nothingToRelease };
  return fetchFrom(await open(location, options), options);
}

async function provideLocal(path: string, options: ProvideOptions): Promise<ProvidedModel> {
  if (!(await isInOtherRoot(path))) return { folder: path, release: nothingToRelease };
  options.onWarning?.(`${path} is in the file system of another container, from where files cannot be mapped: copying`);
  return fetchFrom(new OtherRoot(path), options);
}

const nothingToRelease = (): Promise<void> => Promise.resolve();

/** Each store is loaded only when it is asked: their libraries are not small. */
async function open(
  location: RemoteLocation,
  { environment, concurrency, httpToken }: ProvideOptions,
): Promise<RemoteFolder> {
  const { openRemote } = await import("./stores/open-remote.js");
  return openRemote(location, {
    environment,
    connections: concurrency,
    httpToken: httpToken === undefined ? undefined : new Secret(httpToken),
  });
}

async function fetchFrom(remote: RemoteFolder, options: ProvideOptions): Promise<ProvidedModel> {
  const { cacheFolder = defaultCacheFolder(), ...rest } = options;
  const { fetchModel } = await import("./fetch-model.js");
  // Nobody aborts it: a process that is to stop while it fetches ends, and the next start goes on where it was.
  return fetchModel(remote, { ...rest, cacheFolder, signal: new AbortController().signal });
}
