/** Puts the parts together: settings -> model -> engine -> gRPC server. The only file that knows all of them. */
import { fileURLToPath } from "node:url";
import { availableCpus, memoryLimitBytes } from "./config/cpu.js";
import type { Config } from "./config/settings.js";
import { ConfigurationError } from "./errors.js";
import { createEngine, type RunningEngine } from "./engine/index.js";
import { loadModel, type Model } from "./model/index.js";
import type { Logger } from "./telemetry/log.js";

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
  | "threads"
  | "spin"
  | "ortLibrary"
>;

/** The model that is served when none is named. */
const shippedModel = fileURLToPath(new URL("../models/tiny", import.meta.url));

/** What the original names as the producer of a text; clients have come to expect it. */
const producer = { name: "Text Generation", version: "0.1.0" };

/** A server that answers. */
export interface Service {
  readonly modelId: string;
  readonly ports: { readonly grpc: number };
  /** Refuses new requests, waits for the running ones but no longer than `graceMs`, then closes everything. */
  readonly drain: (graceMs: number) => Promise<void>;
}

/**
 * Loads the model and makes its engine. They live as long as the process, whose end gives their memory back.
 *
 * @throws {CheckpointError} when the model cannot be served.
 * @throws {ConfigurationError} when a setting does not fit the model or the machine.
 */
export async function startEngine(
  settings: EngineSettings,
  log: Logger,
): Promise<{ readonly model: Model; readonly engine: RunningEngine["engine"] }> {
  const model = await loadModel({
    folder: settings.model === "" ? shippedModel : settings.model,
    id: settings.modelId === "" ? undefined : settings.modelId,
    threads: settings.threads === 0 ? availableCpus() : settings.threads,
    isSpinning: settings.spin,
    ortLibrary: settings.ortLibrary === "" ? undefined : settings.ortLibrary,
  });
  const { id, folder, architecture, weightBytes, threads, shape } = model;
  log.info("model", { id, folder, architecture, weightBytes, threads, ...shape });
  const { engine, capacity } = createEngine(model, {
    maxSlots: settings.maxSlots,
    maxSequenceLength: settings.maxSequenceLength,
    maxNewTokens: settings.maxNewTokens,
    maxConcurrentRequests: settings.maxConcurrentRequests,
    prefillChunkTokens: settings.prefillChunkTokens,
    kvMemoryBytes: settings.kvMemory,
    memoryLimitBytes: memoryLimitBytes(),
    includeStopSequenceByDefault: settings.defaultIncludeStopSequences,
    onFailure: (error) => log.error("a step failed", { error }),
  });
  log.info("engine", { ...capacity });
  return { model, engine };
}

/** Starts everything that `serve` needs; when it resolves, requests are answered. */
export async function startService(config: Config, log: Logger): Promise<Service> {
  // The gRPC library loads while the model's session is made on another thread.
  const [{ engine, model }, { startGrpcServer }, { caikitServices }] = await Promise.all([
    startEngine(config, log),
    import("./api/grpc/server.js"),
    import("./api/grpc/caikit/services.js"),
  ]);
  const services = caikitServices({
    engine,
    model: { id: model.id, path: model.folder, sizeBytes: model.weightBytes, producer },
    requestTimeoutMs: config.requestTimeoutSeconds * 1000,
  });
  const { host, grpcPort: port } = config;
  const server = await startGrpcServer({ host, port, services, log }).catch((cause: unknown) => {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new ConfigurationError(`cannot listen on ${host}:${port}: ${why}`, { cause });
  });
  const drain = async (graceMs: number): Promise<void> => {
    await server.drain(graceMs);
    await engine.drain(0); // a step for calls that were cut off may still be under way
  };
  return { modelId: model.id, ports: { grpc: server.port }, drain };
}
