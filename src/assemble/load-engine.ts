/** From a model's folder to an engine over it. */
import { availableCpus } from "../config/cpu.js";
import type { Config } from "../config/settings.js";
import { createEngine, type EngineOptions, type RunningEngine } from "../engine/index.js";
import { ConfigurationError } from "../errors.js";
import { openModelDigest } from "../model/digest/model-digest.js";
import { loadModel, type Model } from "../model/index.js";
import { isOutOfMemory, outOfMemory, type DeviceChoice } from "../ort/index.js";
import type { Loaded } from "../servers/loaded.js";
import type { Logger } from "../telemetry/log.js";
import { deviceWithin } from "./device.js";
import type { TimedModel } from "./provide.js";

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
  | "deviceMemoryShare"
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
  | "joinPrompts"
  | "selection"
  | "cudaGraphs"
  | "threads"
  | "spin"
  | "ortLibrary"
>;

export interface LoadParts {
  /** By default the folder's name. */
  readonly id: string | undefined;
  readonly device: DeviceChoice;
  /** Memory to plan with, in bytes: the first of these in which a sequence fits. */
  readonly memoryLimits: readonly number[];
  readonly log: Logger;
}

/**
 * @throws {CheckpointError} when the model cannot be served.
 * @throws {ConfigurationError} when a setting does not fit the model, the memory or the machine.
 */
export async function loadEngine(
  settings: EngineSettings,
  { tokenizer, beganMs, ...provided }: TimedModel,
  { id: givenId, device, memoryLimits, log }: LoadParts,
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
    device: deviceWithin(device, memoryLimits),
    dtype: settings.dtype,
    kvDtype: settings.kvDtype,
    weightsCache: settings.weightsCache === "" ? undefined : settings.weightsCache,
    digest: digest.value,
    memoryLimitBytes: memoryLimits[0],
    threads: settings.threads === 0 ? availableCpus() : settings.threads,
    isSpinning: settings.spin,
    selection: settings.selection === "host" ? "none" : undefined,
    cudaGraphs: settings.cudaGraphs,
    ortLibrary: settings.ortLibrary === "" ? undefined : settings.ortLibrary,
  });
  logModel(model, digest.value, log);
  const running = engineWithin(model, settings, memoryLimits, log);
  const loadMs = performance.now() - beganMs;
  log.info("engine", { ...running.capacity, fetchMs: Math.round(fetchedMs), loadMs: Math.round(loadMs - fetchedMs) });
  const release = async (): Promise<void> => {
    ending.abort();
    await provided.release();
  };
  return { ...running, model, digest, loadMs, ending: ending.signal, release };
}

function logModel(model: Model, digest: string | undefined, log: Logger): void {
  const { id, folder, architecture, dtype, kvDtype, precisionReason, weightBytes, threads, shape } = model;
  const precision = { dtype, kvDtype, precisionReason };
  log.info("model", { id, folder, digest, architecture, ...precision, weightBytes, threads, ...shape });
  const { isOn, reason } = model.session.graphCapture;
  if (model.device.kind !== "cpu") log.info("CUDA graphs", { isOn, reason });
}

/**
 * An engine in the first of these limits in which a sequence fits.
 * @throws {ConfigurationError} when none does, or the device's memory is full all the same; the model is disposed then.
 */
export function engineWithin(
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
    throw orNoRoom(error, model);
  }
}

/** A device's raw error that its memory is full, as what to do about it; the KV cache has its own words for that. */
function orNoRoom(error: unknown, { device }: Pick<Model, "device">): unknown {
  if (device.kind === "cpu" || !isOutOfMemory(error)) return error;
  const remedy = "lower --kv-memory or --max-slots, or raise --device-memory-share";
  return outOfMemory(error, { purpose: "logits and what else a step reads and writes", device: undefined, remedy });
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
    joinPrompts: settings.joinPrompts,
    kvMemoryBytes: settings.kvMemory,
    memoryLimitBytes: limitBytes,
    includeStopSequenceByDefault: settings.defaultIncludeStopSequences,
    maxPromptCharacters: settings.maxPromptCharacters,
    onFailure: (error) => log.error("a step failed", { error }),
    onGraphsGivenUp: (error) => log.warn("decodes run without CUDA graphs from now on", { error }),
  };
}
