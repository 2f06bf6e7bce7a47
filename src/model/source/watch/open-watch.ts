/** Opens the place that a model came from, to be watched. */
import { ConfigurationError } from "../../../errors.js";
import { isGgufPath } from "../../checkpoint/gguf/path.js";
import { defaultCacheFolder } from "../cache/cache-folder.js";
import { fetchModel } from "../fetch-model.js";
import { describeLocation, type ModelLocation } from "../location/model-location.js";
import { Secret } from "../location/secret.js";
import type { ProvideOptions } from "../provide-model.js";
import type { RemoteFolder } from "../remote-folder.js";
import { openRemote } from "../stores/open-remote.js";
import { OtherRoot } from "../stores/other-root.js";
import { ModelWatch, type WatchLog } from "./model-watch.js";
import { WatchedFolder } from "./watched-folder.js";

export interface OpenWatchOptions extends Omit<ProvideOptions, "onProgress" | "onSmallFiles"> {
  readonly intervalMs: number;
  readonly log: WatchLog;
}

/**
 * A folder of this machine is fetched into the cache like one of a store: who writes over a file that is mapped changes
 * the model that serves.
 *
 * @throws {ConfigurationError} when what is there cannot change, or the environment has a bad value for a store.
 */
export async function openWatch(location: ModelLocation, options: OpenWatchOptions): Promise<ModelWatch> {
  const { cacheFolder = defaultCacheFolder(), intervalMs, log, ...rest } = options;
  const folder = new WatchedFolder(await openStore(location, options));
  return new ModelWatch(folder, {
    ...{ intervalMs, log },
    fetch: async (store, signal, listeners) => fetchModel(store, { ...rest, ...listeners, cacheFolder, signal }),
  });
}

async function openStore(
  location: ModelLocation,
  { environment, concurrency, httpToken }: OpenWatchOptions,
): Promise<RemoteFolder> {
  switch (location.kind) {
    case "hub-cache":
      throw unwatchable(location, "what is in the hub's cache does not change; hf://owner/model can be watched");
    case "local":
      if (isGgufPath(location.path)) throw unwatchable(location, "a file cannot be watched; give the folder around it");
      return new OtherRoot(location.path);
    case "s3":
    case "huggingface":
    case "http":
      return openRemote(location, {
        environment,
        connections: concurrency,
        httpToken: httpToken === undefined ? undefined : new Secret(httpToken),
      });
  }
}

function unwatchable(location: ModelLocation, why: string): ConfigurationError {
  return new ConfigurationError(`--watch with the model ${describeLocation(location)}: ${why}`);
}
