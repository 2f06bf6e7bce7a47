/** Puts the parts together: settings -> model -> engine -> servers (`servers.ts` has the ports). */
import { fileURLToPath } from "node:url";
import { availableCpus, memoryLimitBytes } from "./config/cpu.js";
import { processEnvironment } from "./config/environment.js";
import type { Config } from "./config/settings.js";
import { createEngine } from "./engine/index.js";
import { openModelDigest } from "./model/digest/model-digest.js";
import { loadModel, loadTokenizerEarly, type LoadOptions } from "./model/index.js";
import { awaitMountedModel } from "./model/source/location/await-mount.js";
import { fetchOptions } from "./model/source/fetch-settings.js";
import { locateModel, type LocatedModel } from "./model/source/location/locate-model.js";
import { describeLocation } from "./model/source/location/model-location.js";
import { isRemote, provideModel, type ProvidedModel } from "./model/source/provide-model.js";
import type { Loaded, Servers } from "./servers.js";
import type { EarlyHealth } from "./servers/early-health.js";
import { prepareServers, type Prepared } from "./servers/prepare.js";
import type { Logger } from "./telemetry/log.js";
import type { ProgressListener } from "./telemetry/progress/index.js";
import { readVersion } from "./version.js";

/** The settings that a model and its engine depend on. */
export type EngineSettings = Pick<
  Config,
  | "model"
  | "modelId"
  | "modelDigest"
  | "modelCache"
  | "modelCacheSize"
  | "modelCacheVerify"
  | "modelToken"
  | "downloadPartSize"
  | "downloadConcurrency"
  | "dtype"
  | "kvDtype"
  | "weightsCache"
  | "maxSequenceLength"
  | "maxNewTokens"
  | "defaultIncludeStopSequences"
  | "maxConcurrentRequests"
  | "maxPromptCharacters"
  | "maxSlots"
  | "kvMemory"
  | "prefillChunkTokens"
  | "decodeSlowdown"
  | "prefixCacheTokens"
  | "promptLookup"
  | "threads"
  | "spin"
  | "ortLibrary"
>;

/** The model that is served when none is named. */
const shippedModel: LocatedModel = {
  location: { kind: "local", path: fileURLToPath(new URL("../models/tiny", import.meta.url)) },
  source: "default",
  text: "the model that ships with Ortler",
};

/** A server that answers. */
export interface Service extends Servers {
  readonly modelId: string;
  /** Of a fetched or an expected model; the files of any other are read once it serves. */
  readonly modelDigest: string | undefined;
}

/**
 * Finds the model, fetches it where it is elsewhere, loads it and makes its engine. They live as long as the process,
 * whose end gives their memory back.
 *
 * @throws {CheckpointError} when the model cannot be served.
 * @throws {ConfigurationError} when a setting does not fit the model or the machine, or the model is not there.
 */
export async function startEngine(settings: EngineSettings, log: Logger): Promise<Loaded> {
  return loadEngine(settings, await locate(settings, log), log);
}

/**
 * Starts everything that `serve` needs; when it resolves, requests are answered. While a model is being fetched, the
 * health port says how far it is.
 *
 * @throws {ConfigurationError} for ports, certificates and keys before the model is loaded.
 */
export async function startService(config: Config, log: Logger): Promise<Service> {
  const prepared = prepareServers(config, log);
  const located = await locate(config, log);
  const earlyHealth = isRemote(located.location) ? await openHealth(config, prepared, log) : undefined;
  // The wire libraries load while the model's session is made on another thread.
  const [loaded, { startServers }, version] = await Promise.all([
    loadEngine(config, located, log, earlyHealth?.onProgress),
    import("./servers.js"),
    readVersion(),
  ]);
  const servers = await startServers(config, loaded, { ...prepared, earlyHealth, version, log });
  const { value: modelDigest } = loaded.digest;
  if (modelDigest === undefined) void readDigest(loaded, log);
  return { modelId: loaded.model.id, modelDigest, ...servers };
}

async function locate({ model: setting }: Pick<Config, "model">, log: Logger): Promise<LocatedModel> {
  const environment = processEnvironment();
  await awaitMountedModel({ setting, environment, onWait: (folder) => log.info("waiting for the model", { folder }) });
  const located = locateModel({ setting, environment }) ?? shippedModel;
  log.info("model is", { model: describeLocation(located.location), named_by: located.source });
  return located;
}

/** Undefined when health has no port of its own. */
async function openHealth(config: Config, { ports }: Prepared, log: Logger): Promise<EarlyHealth | undefined> {
  const planned = ports.find(({ serves }) => serves === "health");
  if (planned === undefined) return undefined;
  const { openEarlyHealth } = await import("./servers/early-health.js");
  return openEarlyHealth(config, planned, log);
}

async function loadEngine(
  settings: EngineSettings,
  located: LocatedModel,
  log: Logger,
  onProgress?: ProgressListener,
): Promise<Loaded> {
  const start = performance.now();
  const { tokenizer, ...provided } = await provide(settings, located, log, onProgress);
  const fetchedMs = performance.now() - start;
  const digest = await openModelDigest({
    model: provided.folder,
    known: provided.digest,
    expected: settings.modelDigest === "" ? undefined : settings.modelDigest,
  });
  const ending = new AbortController();
  const model = await loadModel({
    folder: provided.folder,
    tokenizer,
    id: settings.modelId === "" ? nameOf(located) : settings.modelId,
    dtype: settings.dtype,
    kvDtype: settings.kvDtype,
    weightsCache: settings.weightsCache === "" ? undefined : settings.weightsCache,
    digest: digest.value,
    memoryLimitBytes: memoryLimitBytes(),
    threads: settings.threads === 0 ? availableCpus() : settings.threads,
    isSpinning: settings.spin,
    ortLibrary: settings.ortLibrary === "" ? undefined : settings.ortLibrary,
  });
  const { id, folder, architecture, dtype, kvDtype, precisionReason, weightBytes, threads, shape } = model;
  log.info("model", {
    id,
    folder,
    digest: digest.value,
    architecture,
    dtype,
    kvDtype,
    precisionReason,
    weightBytes,
    threads,
    ...shape,
  });
  const running = createEngine(model, {
    maxSlots: settings.maxSlots,
    maxSequenceLength: settings.maxSequenceLength,
    maxNewTokens: settings.maxNewTokens,
    maxConcurrentRequests: settings.maxConcurrentRequests,
    prefillChunkTokens: settings.prefillChunkTokens,
    decodeSlowdown: settings.decodeSlowdown,
    prefixCacheTokens: settings.prefixCacheTokens,
    promptLookup: settings.promptLookup,
    kvMemoryBytes: settings.kvMemory,
    memoryLimitBytes: memoryLimitBytes(),
    includeStopSequenceByDefault: settings.defaultIncludeStopSequences,
    maxPromptCharacters: settings.maxPromptCharacters,
    onFailure: (error) => log.error("a step failed", { error }),
  });
  const loadMs = performance.now() - start;
  log.info("engine", { ...running.capacity, fetchMs: Math.round(fetchedMs), loadMs: Math.round(loadMs - fetchedMs) });
  const release = async (): Promise<void> => {
    ending.abort();
    await provided.release();
  };
  return { ...running, model, digest, loadMs, ending: ending.signal, release };
}

/** Beside the requests of a model that serves already. */
async function readDigest({ digest, ending }: Loaded, log: Logger): Promise<void> {
  const start = performance.now();
  try {
    log.info("model digest", { digest: await digest.read(ending), ms: Math.round(performance.now() - start) });
  } catch (error) {
    if (!ending.aborted) log.warn("the digest of the model's files could not be taken", { error });
  }
}

/** In the hub's cache a folder is named by a commit; elsewhere the model's folder is its name. */
function nameOf({ location }: LocatedModel): string | undefined {
  return location.kind === "hub-cache" ? location.model : undefined;
}

/** The tokenizer loads while the weights are on their way. */
async function provide(
  settings: EngineSettings,
  { location }: LocatedModel,
  log: Logger,
  onProgress: ProgressListener = () => undefined,
): Promise<ProvidedModel & Pick<LoadOptions, "tokenizer">> {
  let tokenizer: LoadOptions["tokenizer"];
  const display = isRemote(location) ? await displayOf(describeLocation(location), log) : undefined;
  try {
    const provided = await provideModel(location, {
      environment: processEnvironment(),
      ...fetchOptions(settings),
      onProgress: (progress) => {
        display?.onProgress(progress);
        onProgress(progress);
      },
      onSmallFiles: (folder) => {
        tokenizer = loadTokenizerEarly(folder);
      },
      onWarning: (message) => log.warn(message),
    });
    return { ...provided, tokenizer };
  } finally {
    display?.end();
  }
}

async function displayOf(model: string, log: Logger) {
  const { showProgress } = await import("./telemetry/progress/index.js");
  return showProgress({ log, model, terminal: process.stderr });
}
