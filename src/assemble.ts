/** Puts the parts together: settings -> model -> engine -> servers (`servers.ts` has the ports). */
import { fileURLToPath } from "node:url";
import { availableCpus, memoryLimitBytes } from "./config/cpu.js";
import type { Config } from "./config/settings.js";
import { createEngine } from "./engine/index.js";
import { loadModel } from "./model/index.js";
import type { Loaded, Servers } from "./servers.js";
import { prepareServers } from "./servers/prepare.js";
import type { Logger } from "./telemetry/log.js";
import { readVersion } from "./version.js";

/** The settings that a model and its engine depend on. */
export type EngineSettings = Pick<
  Config,
  | "model"
  | "modelId"
  | "maxSequenceLength"
  | "maxNewTokens"
  | "defaultIncludeStopSequences"
  | "maxConcurrentRequests"
  | "maxSlots"
  | "kvMemory"
  | "prefillChunkTokens"
  | "prefixCacheTokens"
  | "promptLookup"
  | "threads"
  | "spin"
  | "ortLibrary"
>;

/** The model that is served when none is named. */
const shippedModel = fileURLToPath(new URL("../models/tiny", import.meta.url));

/** What a server asks of its engine beside those. */
export type ServingLimits = Pick<Config, "maxPromptCharacters">;

/** A server that answers. */
export interface Service extends Servers {
  readonly modelId: string;
}

/**
 * Loads the model and makes its engine. They live as long as the process, whose end gives their memory back.
 *
 * @throws {CheckpointError} when the model cannot be served.
 * @throws {ConfigurationError} when a setting does not fit the model or the machine.
 */
export async function startEngine(settings: EngineSettings & Partial<ServingLimits>, log: Logger): Promise<Loaded> {
  const start = performance.now();
  const model = await loadModel({
    folder: settings.model === "" ? shippedModel : settings.model,
    id: settings.modelId === "" ? undefined : settings.modelId,
    threads: settings.threads === 0 ? availableCpus() : settings.threads,
    isSpinning: settings.spin,
    ortLibrary: settings.ortLibrary === "" ? undefined : settings.ortLibrary,
  });
  const { id, folder, architecture, weightBytes, threads, shape } = model;
  log.info("model", { id, folder, architecture, weightBytes, threads, ...shape });
  const running = createEngine(model, {
    maxSlots: settings.maxSlots,
    maxSequenceLength: settings.maxSequenceLength,
    maxNewTokens: settings.maxNewTokens,
    maxConcurrentRequests: settings.maxConcurrentRequests,
    prefillChunkTokens: settings.prefillChunkTokens,
    prefixCacheTokens: settings.prefixCacheTokens,
    promptLookup: settings.promptLookup,
    kvMemoryBytes: settings.kvMemory,
    memoryLimitBytes: memoryLimitBytes(),
    includeStopSequenceByDefault: settings.defaultIncludeStopSequences,
    maxPromptCharacters: settings.maxPromptCharacters,
    onFailure: (error) => log.error("a step failed", { error }),
  });
  log.info("engine", { ...running.capacity });
  return { ...running, model, loadMs: performance.now() - start };
}

/**
 * Starts everything that `serve` needs; when it resolves, requests are answered.
 *
 * @throws {ConfigurationError} for ports, certificates and keys before the model is loaded.
 */
export async function startService(config: Config, log: Logger): Promise<Service> {
  const prepared = prepareServers(config, log);
  // The wire libraries load while the model's session is made on another thread.
  const [loaded, { startServers }, version] = await Promise.all([
    startEngine(config, log),
    import("./servers.js"),
    readVersion(),
  ]);
  return { modelId: loaded.model.id, ...(await startServers(config, loaded, { ...prepared, version, log })) };
}
