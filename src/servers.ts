/** Opens the ports: which API answers where. Loaded when the model is, since it brings the wire libraries. */
import { EngineHealth } from "./api/http/health/engine-health.js";
import { observeAllCalls } from "./api/observer.js";
import type { Config } from "./config/settings.js";
import { observeAll, type RunningEngine } from "./engine/index.js";
import type { ModelDigest } from "./model/digest/model-digest.js";
import type { Model } from "./model/index.js";
import { createApis } from "./servers/apis.js";
import type { EarlyHealth } from "./servers/early-health.js";
import type { Prepared } from "./servers/prepare.js";
import { createPortOpener, type OpenPort } from "./servers/start.js";
import type { Logger } from "./telemetry/log.js";
import { createMetrics, type Metrics } from "./telemetry/metrics/create-metrics.js";
import { requestLog } from "./telemetry/request-log.js";
import { startTracing } from "./telemetry/tracing/start.js";

export interface Loaded extends RunningEngine {
  readonly model: Model;
  readonly digest: ModelDigest;
  /** From the start of loading, fetching included, until the engine was ready. */
  readonly loadMs: number;
  /** Aborted when the model is released: whatever still goes on in the background ends. */
  readonly ending: AbortSignal;
  /** A model that was fetched may leave the cache again. */
  readonly release: () => Promise<void>;
}

export interface Servers {
  /** Where to find what, by the settings' names; the one port may be there several times. */
  readonly ports: Readonly<Record<string, number>>;
  /** Health says no from now on; requests are answered all the same. */
  readonly turnUnready: () => void;
  /** New requests are refused, running ones may finish within `graceMs`; then every port is closed. */
  readonly drain: (graceMs: number) => Promise<void>;
}

/** What the ports are opened with, beside the settings. */
export interface ServerParts extends Prepared {
  readonly version: string;
  readonly log: Logger;
  /** The health port, where it is open already. */
  readonly earlyHealth?: EarlyHealth | undefined;
}

/** @throws {ConfigurationError} when a port cannot be listened on. */
export async function startServers(config: Config, loaded: Loaded, parts: ServerParts): Promise<Servers> {
  const { engine } = loaded;
  const { log, tls, earlyHealth } = parts;
  const metrics = observe(loaded, parts.version);
  const health = new EngineHealth(engine, log);
  const tracing = await startTracing({ settings: config, version: parts.version, modelId: loaded.model.id, log });
  const tracers = tracing === undefined ? [] : [tracing];
  const sequenceSpans = tracers.map(({ engineObserver }) => engineObserver);
  engine.observe(observeAll(...metrics.observers, health.observer, requestLog(log), ...sequenceSpans));
  const answers = { isHealthy: async () => health.isHealthy(), exposition: metrics.exposition };
  let isReady = true;
  const open = createPortOpener(config, {
    ...parts,
    ...createApis(config, {
      ...loaded,
      ...parts,
      metrics,
      needsKey: parts.apiKeys !== undefined,
      isReady: () => isReady,
    }),
    observer: observeAllCalls(metrics.apiObserver, ...tracers.map(({ apiObserver }) => apiObserver)),
    health: answers,
  });
  const opened: OpenPort[] = [];
  const ports: Record<string, number> = {};
  for (const planned of parts.ports) {
    const port = (planned.serves === "health" ? earlyHealth : undefined) ?? (await open(planned));
    opened.push(port);
    for (const name of planned.names) ports[name] = port.port;
  }
  earlyHealth?.become(answers);
  const turnUnready = (): void => {
    isReady = false;
    health.drain();
    for (const port of opened) port.turnUnready?.();
  };
  return {
    ports,
    turnUnready,
    drain: async (graceMs) => {
      const endMs = performance.now() + graceMs;
      turnUnready();
      await Promise.all(opened.map(async (port) => port.drain(graceMs)));
      tls?.close();
      await engine.drain(0); // a step for calls that were cut off may still be under way
      await loaded.release();
      await tracing?.close(endMs - performance.now());
    },
  };
}

function observe({ engine, model, digest, capacity, loadMs }: Loaded, version: string): Metrics {
  const { id, weightBytes, dtype, kvDtype } = model;
  return createMetrics({
    limits: { ...engine.limits, slots: capacity.slots },
    version,
    model: { id, weightBytes, dtype, kvDtype, loadMs, digest: () => digest.value },
    engineState: () => ({ ...engine.counts, cachedTokens: engine.cachedTokens }),
  });
}
