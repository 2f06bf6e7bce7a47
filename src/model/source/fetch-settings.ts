import type { Config } from "../../config/settings.js";
import type { ProvideOptions } from "./provide-model.js";

/** The settings by which a model is fetched, for all commands that fetch one. */
export type FetchSettings = Pick<
  Config,
  "modelCache" | "modelCacheSize" | "modelCacheVerify" | "modelToken" | "downloadPartSize" | "downloadConcurrency"
>;

/** Where a setting says nothing, the options leave the choice to the source. */
export function fetchOptions(settings: FetchSettings) {
  return {
    cacheFolder: settings.modelCache === "" ? undefined : settings.modelCache,
    maxCacheBytes: settings.modelCacheSize === 0 ? undefined : settings.modelCacheSize,
    isThorough: settings.modelCacheVerify,
    partBytes: settings.downloadPartSize,
    concurrency: settings.downloadConcurrency,
    httpToken: settings.modelToken === "" ? undefined : settings.modelToken,
  } satisfies Partial<ProvideOptions>;
}
