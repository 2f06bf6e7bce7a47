/** Brings a model here, and shows how far it is. */
import { processEnvironment } from "../config/environment.js";
import { loadTokenizerEarly, type LoadOptions } from "../model/index.js";
import { fetchOptions, type FetchSettings } from "../model/source/fetch-settings.js";
import type { LocatedModel } from "../model/source/location/locate-model.js";
import { describeLocation } from "../model/source/location/model-location.js";
import { isRemote, provideModel, type ProvidedModel } from "../model/source/provide-model.js";
import type { ModelWatch } from "../model/source/watch/model-watch.js";
import type { Logger } from "../telemetry/log.js";
import type { Progress, ProgressListener } from "../telemetry/progress/index.js";

export interface ProvideParts {
  readonly onProgress?: ProgressListener | undefined;
  readonly watch?: ModelWatch | undefined;
}

export interface TimedModel extends ProvidedModel, Pick<LoadOptions, "tokenizer"> {
  /** When it began to be fetched, if it had to be. */
  readonly beganMs: number;
}

/** The tokenizer loads while the weights are on their way. */
export async function provide(
  settings: FetchSettings,
  { location }: LocatedModel,
  log: Logger,
  { onProgress, watch }: ProvideParts,
): Promise<TimedModel> {
  const beganMs = performance.now();
  let tokenizer: LoadOptions["tokenizer"];
  const isFetched = watch !== undefined || isRemote(location);
  const display = isFetched ? await displayOf(describeLocation(location), log) : undefined;
  const listeners = {
    onProgress: (progress: Progress): void => {
      display?.onProgress(progress);
      onProgress?.(progress);
    },
    onSmallFiles: (folder: string): void => {
      tokenizer = loadTokenizerEarly(folder);
    },
  };
  const onWarning = (message: string): void => log.warn(message);
  const options = { environment: processEnvironment(), ...fetchOptions(settings), ...listeners, onWarning };
  try {
    const provided =
      watch === undefined
        ? await provideModel(location, options)
        : await watch.first(new AbortController().signal, listeners);
    return { ...provided, tokenizer, beganMs };
  } finally {
    display?.end();
  }
}

async function displayOf(model: string, log: Logger) {
  const { showProgress } = await import("../telemetry/progress/index.js");
  return showProgress({ log, model, terminal: process.stderr });
}
