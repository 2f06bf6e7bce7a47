/** Brings the model that is to be converted to this machine, from wherever it could be served. */
import { processEnvironment } from "../config/environment.js";
import { ConfigurationError } from "../errors.js";
import { fetchOptions } from "../model/source/fetch-settings.js";
import { locateModel } from "../model/source/location/locate-model.js";
import { describeLocation, type ModelLocation } from "../model/source/location/model-location.js";
import { isRemote, provideModel, type ProvidedModel } from "../model/source/provide-model.js";
import { createLogger, type Logger } from "../telemetry/log.js";
import type { ProgressDisplay } from "../telemetry/progress/index.js";
import type { ConvertValues } from "./convert-options.js";

/**
 * @param source what `--model` of `serve` takes.
 * @throws {ConfigurationError} when there is no model, or its store refuses.
 * @throws {UnavailableError} when its store does not answer.
 */
export async function provideSource(source: string, values: ConvertValues): Promise<ProvidedModel> {
  const environment = processEnvironment();
  const located = source === "" ? undefined : locateModel({ setting: source, environment });
  if (located === undefined) throw new ConfigurationError("SRC is empty: name the model to convert");
  const log = createLogger({ level: values.logLevel, format: values.logFormat });
  const display = await displayOf(located.location, log);
  try {
    return await provideModel(located.location, {
      environment,
      ...fetchOptions(values),
      onProgress: (progress) => display?.onProgress(progress),
      onWarning: (message) => log.warn(message),
    });
  } finally {
    display?.end();
  }
}

/** Nothing is shown of a model that is here. */
async function displayOf(location: ModelLocation, log: Logger): Promise<ProgressDisplay | undefined> {
  if (!isRemote(location)) return undefined;
  const { showProgress } = await import("../telemetry/progress/index.js");
  return showProgress({ log, model: describeLocation(location), terminal: process.stderr });
}
