/** Brings a model's files to this machine, wherever they are. */
import type { Environment } from "../../config/environment.js";
import { defaultCacheFolder } from "./cache/cache-folder.js";
import type { FetchOptions } from "./fetch-model.js";
import { findInHubCache } from "./location/hub-cache.js";
import type { ModelLocation, RemoteLocation } from "./location/model-location.js";
import { Secret } from "./location/secret.js";

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
  /** Of a model that was fetched: `sha256:...` over all its files. */
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
  if (location.kind === "local") return { folder: location.path, release: nothingToRelease };
  if (location.kind === "hub-cache") return { folder: await findInHubCache(location), release: nothingToRelease };
  return fetchFrom(location, options);
}

const nothingToRelease = (): Promise<void> => Promise.resolve();

/** What fetches is loaded only then: the libraries of the stores are not small. */
async function fetchFrom(location: RemoteLocation, options: ProvideOptions): Promise<ProvidedModel> {
  const { environment, cacheFolder = defaultCacheFolder(), concurrency, httpToken, ...rest } = options;
  const [{ openRemote }, { fetchModel }] = await Promise.all([
    import("./stores/open-remote.js"),
    import("./fetch-model.js"),
  ]);
  const remote = await openRemote(location, {
    environment,
    connections: concurrency,
    httpToken: httpToken === undefined ? undefined : new Secret(httpToken),
  });
  // Nobody aborts it: a process that is to stop while it fetches ends, and the next start goes on where it was.
  return fetchModel(remote, { ...rest, cacheFolder, concurrency, signal: new AbortController().signal });
}
