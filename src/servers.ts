/** Opens the ports: which API answers where. Loaded when the model is, since it brings the wire libraries. */
import { openApiKeys, type ApiKeys } from "./api/api-keys.js";
import { KnownModels } from "./api/caikit/models.js";
import { caikitServices } from "./api/grpc/caikit/services.js";
import { openInferenceServices } from "./api/grpc/open-inference/services.js";
import { startGrpcServer } from "./api/grpc/server.js";
import { tgisServices } from "./api/grpc/tgis/services.js";
import { caikitRest } from "./api/http/caikit/rest.js";
import { EngineHealth } from "./api/http/health/engine-health.js";
import { startHealthServer } from "./api/http/health/server.js";
import { openInferenceApi } from "./api/http/open-inference/index.js";
import { openAiApi } from "./api/http/openai/index.js";
import { startHttpServer } from "./api/http/server.js";
import { tgiApi } from "./api/http/tgi/index.js";
import { openTls, type TlsCertificates } from "./api/tls.js";
import type { Config } from "./config/settings.js";
import { observeAll, type RunningEngine } from "./engine/index.js";
import { ConfigurationError } from "./errors.js";
import type { Model } from "./model/index.js";
import type { Logger } from "./telemetry/log.js";
import { createMetrics, type Metrics } from "./telemetry/metrics/create-metrics.js";
import { requestLog } from "./telemetry/request-log.js";

export interface Loaded extends RunningEngine {
  readonly model: Model;
  /** From the start of loading until the engine was ready. */
  readonly loadMs: number;
}

export interface Servers {
  /** The ports that are listened on, by their settings' names. */
  readonly ports: Readonly<Record<string, number>>;
  /** New requests are refused, running ones may finish within `graceMs`; then every port is closed. */
  readonly drain: (graceMs: number) => Promise<void>;
}

/** One listening port. */
interface Listener {
  readonly port: number;
  readonly drain: (graceMs: number) => Promise<void>;
}

/** What the original names as the producer of a text; clients have come to expect it. */
const producer = { name: "Text Generation", version: "0.1.0" };

/** @throws {ConfigurationError} when a port cannot be listened on, or its certificates or keys cannot be used. */
export async function startServers(config: Config, loaded: Loaded, version: string, log: Logger): Promise<Servers> {
  const { engine } = loaded;
  const tls = openTls(config, log);
  const apiKeys = openApiKeys(config.apiKeysFile);
  const metrics = observe(loaded, version);
  const health = new EngineHealth(engine, log);
  engine.observe(observeAll(...metrics.observers, health.observer, requestLog(log)));
  let isReady = true;
  const start = startersOf(config, loaded, { version, log, metrics, health, tls, apiKeys, isReady: () => isReady });
  const wanted = (Object.keys(start) as (keyof typeof start)[]).filter((name) => config[name]);
  const listeners = new Map<string, Listener>();
  for (const name of wanted) listeners.set(name, await listen(config, name, start[name]));
  return {
    ports: Object.fromEntries(Array.from(listeners, ([name, { port }]) => [name, port])),
    drain: async (graceMs) => {
      isReady = false;
      health.drain();
      await Promise.all(Array.from(listeners.values(), async (listener) => listener.drain(graceMs)));
      tls?.close();
      await engine.drain(0); // a step for calls that were cut off may still be under way
    },
  };
}

function observe({ engine, model, capacity, loadMs }: Loaded, version: string): Metrics {
  return createMetrics({
    limits: { ...engine.limits, slots: capacity.slots },
    version,
    model: { id: model.id, weightBytes: model.weightBytes, loadMs },
    engineState: () => ({ ...engine.counts, cachedTokens: engine.cachedTokens }),
  });
}

type PortName = "grpc" | "tgis" | "http" | "health";
type Start = (address: { readonly host: string; readonly port: number }) => Promise<Listener>;

interface Parts {
  readonly version: string;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly health: EngineHealth;
  readonly tls: TlsCertificates | undefined;
  readonly apiKeys: ApiKeys | undefined;
  readonly isReady: () => boolean;
}

function startersOf(
  config: Config,
  { engine, model }: Loaded,
  { version, log, metrics, health, tls, apiKeys, isReady }: Parts,
): Record<PortName, Start> {
  const requestTimeoutMs = config.requestTimeoutSeconds * 1000;
  const models = new KnownModels({ id: model.id, path: model.folder, sizeBytes: model.weightBytes, producer });
  const services = [
    ...caikitServices({ engine, models, requestTimeoutMs }),
    ...tgisServices({ engine, model, counters: metrics }),
    ...openInferenceServices({ engine, model, version, isReady }),
  ];
  const api = { engine, model, log };
  const apis = [
    caikitRest({ engine, models, requestTimeoutMs, log }),
    openAiApi({ ...api, version, strictModelNames: config.openaiModelCheck }),
    tgiApi({ ...api, version, maxConcurrentRequests: config.maxConcurrentRequests }),
    openInferenceApi({ ...api, version, isReady }),
  ];
  const startGrpc: Start = async (address) =>
    startGrpcServer({ ...address, services, log, observer: metrics.apiObserver, tls, apiKeys });
  return {
    grpc: startGrpc,
    tgis: startGrpc,
    http: async (address) => startHttpServer({ ...address, apis, log, tls, apiKeys }),
    health: async (address) => {
      const { exposition } = metrics;
      const server = await startHealthServer({ ...address, isHealthy: () => health.isHealthy(), exposition, log });
      return { port: server.port, drain: async () => server.close() };
    },
  };
}

async function listen(config: Config, name: PortName, start: Start): Promise<Listener> {
  const { host, [`${name}Port` as const]: port } = config;
  try {
    return await start({ host, port });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new ConfigurationError(`cannot listen on ${host}:${port}: ${why}`, { cause });
  }
}
