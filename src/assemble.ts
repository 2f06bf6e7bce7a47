/** Puts the parts together: settings -> model -> engine -> servers (`servers.ts` has the ports). */
import { availableCpus, memoryLimitBytes } from "./config/cpu.js";
import { processEnvironment } from "./config/environment.js";
import type { Config } from "./config/settings.js";
import { createEngine, type EngineOptions, type RunningEngine } from "./engine/index.js";
import { ConfigurationError } from "./errors.js";
import { openModelDigest } from "./model/digest/model-digest.js";
import { loadModel, loadTokenizerEarly, type LoadOptions, type Model } from "./model/index.js";
import { awaitMountedModel, isMountAwaited } from "./model/source/location/await-mount.js";
import { fetchOptions } from "./model/source/fetch-settings.js";
import { locateModel, type LocatedModel } from "./model/source/location/locate-model.js";
import { describeLocation } from "./model/source/location/model-location.js";
import { isRemote, provideModel, type ProvidedModel } from "./model/source/provide-model.js";
import type { ModelWatch } from "./model/source/watch/model-watch.js";
import { resolveDevice, type DeviceChoice } from "./ort/index.js";
import type { Servers } from "./servers.js";
import type { EarlyHealth } from "./servers/early-health.js";
import type { Loaded } from "./servers/loaded.js";
import { prepareServers, type Prepared } from "./servers/prepare.js";
import type { Watching } from "./servers/swapping/source.js";
import { shippedModelFolder } from "./shipped-model.js";
import type { Logger } from "./telemetry/log.js";
import type { Progress, ProgressListener } from "./telemetry/progress/index.js";
import { readVersion } from "./version.js";

/** The settings that a model and its engine depend on. */
export type EngineSettings = Pick<
  Config,
  | "model"
  | "modelId"
  | "modelDigest"
  | "modelWaitSeconds"
  | "modelCache"
  | "modelCacheSize"
  | "modelCacheVerify"
  | "modelToken"
  | "downloadPartSize"
  | "downloadConcurrency"
  | "device"
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
  location: { kind: "local", path: shippedModelFolder },
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
  const device = await openDevice(settings, log);
  return loadFirst(settings, await locate(settings, log), log, { device });
}

/**
 * Starts everything that `serve` needs; when it resolves, requests are answered. While a model is waited for or being
 * fetched, the health port says so, and how far it is.
 *
 * @throws {ConfigurationError} for ports, certificates and keys before the model is loaded.
 */
export async function startService(config: Config, log: Logger): Promise<Service> {
  const prepared = prepareServers(config, log);
  const device = await openDevice(config, log);
  if (config.watch && device.kind !== "cpu") {
    throw new ConfigurationError("--watch swaps models on a CPU only: leave it out, or take --device cpu");
  }
  const isAwaited = isMountAwaited({ setting: config.model, environment: processEnvironment() });
  const waiting = isAwaited ? await openHealth(config, prepared, log) : undefined;
  waiting?.say("waiting for the model");
  const located = await locate(config, log);
  waiting?.say("loading");
  const watching = config.watch ? await openWatching(config, located, log) : undefined;
  const isFetched = watching !== undefined || isRemote(located.location);
  const earlyHealth = waiting ?? (isFetched ? await openHealth(config, prepared, log) : undefined);
  // The wire libraries load while the model's session is made on another thread.
  const [loaded, { startServers }, version] = await Promise.all([
    loadFirst(config, located, log, { device, onProgress: earlyHealth?.onProgress, watching }),
    import("./servers.js"),
    readVersion(),
  ]);
  const source = watching?.sourceAfter(loaded, async (model, { id, memoryLimits }) =>
    loadEngine(config, { ...model, beganMs: performance.now() }, { id, device, memoryLimits, log }),
  );
  const servers = await startServers(config, loaded, { ...prepared, earlyHealth, source, version, log });
  const { value: modelDigest } = loaded.digest;
  if (modelDigest === undefined) void readDigest(loaded, log);
  return { modelId: loaded.model.id, modelDigest, ...servers };
}

type DeviceSettings = Pick<Config, "device" | "ortLibrary">;

/** Once: a model that comes later is loaded to the same. */
async function openDevice({ device: setting, ortLibrary }: DeviceSettings, log: Logger): Promise<DeviceChoice> {
  const { choice, reason } = await resolveDevice(setting, ortLibrary === "" ? undefined : ortLibrary);
  log.info("device", { device: choice.kind === "cpu" ? "cpu" : `cuda:${choice.id}`, reason });
  return choice;
}

type LocationSettings = Pick<Config, "model" | "modelWaitSeconds">;

async function locate({ model: setting, modelWaitSeconds }: LocationSettings, log: Logger): Promise<LocatedModel> {
  const environment = processEnvironment();
  const limitMs = modelWaitSeconds * 1000;
  const onWait = (folder: string): void => log.info("waiting for the model", { folder, limitMs });
  await awaitMountedModel({ setting, environment, limitMs, onWait });
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

async function openWatching(config: Config, { location }: LocatedModel, log: Logger): Promise<Watching> {
  const source = await import("./servers/swapping/source.js");
  return source.openWatching(config, location, memoryLimitBytes(), log);
}

interface FirstParts {
  readonly device: DeviceChoice;
  readonly onProgress?: ProgressListener | undefined;
  /** Of the model's place, with `--watch`. */
  readonly watching?: Watching | undefined;
}

async function loadFirst(
  settings: EngineSettings,
  located: LocatedModel,
  log: Logger,
  { device, onProgress, watching }: FirstParts,
): Promise<Loaded> {
  const provided = await provide(settings, located, log, { onProgress, watch: watching?.watch });
  const memoryLimits = watching?.memoryLimits ?? [await memoryOf(device)];
  return loadEngine(settings, provided, { id: idOf(settings, located), device, memoryLimits, log });
}

/** Bytes for weights and KV cache: what this process may use, or what is free on the device. */
async function memoryOf(device: DeviceChoice): Promise<number> {
  if (device.kind === "cpu") return memoryLimitBytes();
  const { CudaDriver } = await import("./ort/cuda/driver.js");
  return new CudaDriver().memoryOf(device.id).free;
}

interface EngineParts {
  /** By default the folder's name. */
  readonly id: string | undefined;
  readonly device: DeviceChoice;
  /** Memory to plan with: the first of these in which a sequence fits. */
  readonly memoryLimits: readonly number[];
  readonly log: Logger;
}

async function loadEngine(
  settings: EngineSettings,
  { tokenizer, beganMs, ...provided }: TimedModel,
  { id: givenId, device, memoryLimits, log }: EngineParts,
): Promise<Loaded> {
  const fetchedMs = performance.now() - beganMs;
  const digest = await openModelDigest({
    model: provided.folder,
    known: provided.digest,
    expected: settings.modelDigest === "" ? undefined : settings.modelDigest,
  });
  const ending = new AbortController();
  const model = await loadModel({
    folder: provided.folder,
    tokenizer,
    id: givenId,
    device,
    dtype: settings.dtype,
    kvDtype: settings.kvDtype,
    weightsCache: settings.weightsCache === "" ? undefined : settings.weightsCache,
    digest: digest.value,
    memoryLimitBytes: memoryLimits[0],
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
  const running = engineWithin(model, settings, memoryLimits, log);
  const loadMs = performance.now() - beganMs;
  log.info("engine", { ...running.capacity, fetchMs: Math.round(fetchedMs), loadMs: Math.round(loadMs - fetchedMs) });
  const release = async (): Promise<void> => {
    ending.abort();
    await provided.release();
  };
  return { ...running, model, digest, loadMs, ending: ending.signal, release };
}

/** @throws {ConfigurationError} when no sequence fits the last limit; the model is disposed then. */
function engineWithin(
  model: Model,
  settings: EngineSettings,
  [limitBytes = 0, ...others]: readonly number[],
  log: Logger,
): RunningEngine {
  try {
    return createEngine(model, engineOptions(settings, limitBytes, log));
  } catch (error) {
    if (error instanceof ConfigurationError && others.length > 0) return engineWithin(model, settings, others, log);
    model[Symbol.dispose]();
    throw error;
  }
}

function engineOptions(settings: EngineSettings, limitBytes: number, log: Logger): EngineOptions {
  return {
    maxSlots: settings.maxSlots,
    maxSequenceLength: settings.maxSequenceLength,
    maxNewTokens: settings.maxNewTokens,
    maxConcurrentRequests: settings.maxConcurrentRequests,
    prefillChunkTokens: settings.prefillChunkTokens,
    decodeSlowdown: settings.decodeSlowdown,
    prefixCacheTokens: settings.prefixCacheTokens,
    promptLookup: settings.promptLookup,
    kvMemoryBytes: settings.kvMemory,
    memoryLimitBytes: limitBytes,
    includeStopSequenceByDefault: settings.defaultIncludeStopSequences,
    maxPromptCharacters: settings.maxPromptCharacters,
    onFailure: (error) => log.error("a step failed", { error }),
  };
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
function idOf({ modelId }: Pick<Config, "modelId">, { location }: LocatedModel): string | undefined {
  if (modelId !== "") return modelId;
  return location.kind === "hub-cache" ? location.model : undefined;
}

interface ProvideParts extends Pick<FirstParts, "onProgress"> {
  readonly watch?: ModelWatch | undefined;
}

interface TimedModel extends ProvidedModel, Pick<LoadOptions, "tokenizer"> {
  /** When it began to be fetched, if it had to be. */
  readonly beganMs: number;
}

/** The tokenizer loads while the weights are on their way. */
async function provide(
  settings: EngineSettings,
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
  const { showProgress } = await import("./telemetry/progress/index.js");
  return showProgress({ log, model, terminal: process.stderr });
}
