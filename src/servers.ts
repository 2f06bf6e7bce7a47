/** Opens the ports: which API answers where. Loaded when the model is, since it brings the wire libraries. */
import { observeAllCalls } from "./api/observer.js";
import type { Config } from "./config/settings.js";
import { observeAll } from "./engine/index.js";
import { createApis } from "./servers/apis.js";
import { CurrentModel } from "./servers/current-model.js";
import type { EarlyHealth } from "./servers/early-health.js";
import type { Loaded } from "./servers/loaded.js";
import { keepPages } from "./servers/pages.js";
import type { PlannedPort } from "./servers/ports.js";
import type { Prepared } from "./servers/prepare.js";
import { prepareServed, type Served } from "./servers/served.js";
import { createPortOpener, type OpenPort } from "./servers/start.js";
import type { Swapping, SwappingParts } from "./servers/swapping/swapping.js";
import type { ModelSource } from "./servers/swapping/swapper.js";
import type { Logger } from "./telemetry/log.js";
import { createMetrics, type MetricsOptions, type ShownModel } from "./telemetry/metrics/create-metrics.js";
import { requestLog } from "./telemetry/request-log.js";
import { startTracing } from "./telemetry/tracing/start.js";

export type { Loaded } from "./servers/loaded.js";

export interface Servers {
  /** Where to find what, by the settings' names; the one port may be there several times. */
  readonly ports: Readonly<Record<string, number>>;
  /** Health says no from now on; requests are answered all the same. */
  readonly turnUnready: () => void;
  /** New requests are refused, running ones may finish within `graceMs`; then every port is closed. */
  readonly drain: (graceMs: number) => Promise<void>;
}

/** What the ports are opened with, beside the settings. */
export interface ServerParts extends Prepared, Pick<MetricsOptions, "deviceUse"> {
  readonly version: string;
  readonly log: Logger;
  /** The health port, where it is open already. */
  readonly earlyHealth?: EarlyHealth | undefined;
  /** Where new models come from, with `--watch`. */
  readonly source?: ModelSource | undefined;
}

/** @throws {ConfigurationError} when a port cannot be listened on. */
export async function startServers(config: Config, loaded: Loaded, parts: ServerParts): Promise<Servers> {
  const { log, tls, earlyHealth, version, deviceUse } = parts;
  const current = new CurrentModel(await prepareServed(loaded, version, log));
  const metrics = createMetrics({ ...shownOf(loaded), version, deviceUse, engineState: () => stateOf(current) });
  const tracing = await startTracing({ settings: config, version, modelId: loaded.model.id, log });
  const tracers = tracing === undefined ? [] : [tracing];
  const sequenceSpans = tracers.map(({ engineObserver }) => engineObserver);
  const observe = ({ engine, health }: Served): void =>
    engine.observe(observeAll(...metrics.observers, health.observer, requestLog(log), ...sequenceSpans));
  const settle = (served: Served): void => {
    void keepPages(served, config, log);
  };
  observe(current.get());
  const swapping = await openSwapping(parts, {
    ...{ current, log, onRefusal: metrics.modelRefused, onRestored: metrics.modelRestored },
    prepare: async (next) => prepareServed(next, version, log),
    onSwap: (served) => {
      observe(served);
      metrics.modelSwapped(shownOf(served));
      settle(served);
    },
  });
  const answers = {
    isHealthy: async () => current.get().health.isHealthy(),
    exposition: metrics.exposition,
    detail: () => swapping?.detail(),
  };
  let isReady = true;
  const open = createPortOpener(config, {
    ...parts,
    ...createApis(config, {
      ...parts,
      current: current.get,
      metrics,
      needsKey: parts.apiKeys !== undefined,
      isReady: () => isReady,
    }),
    observer: observeAllCalls(metrics.apiObserver, ...tracers.map(({ apiObserver }) => apiObserver)),
    health: answers,
  });
  const { opened, ports } = await openPorts(parts, open);
  earlyHealth?.become(answers);
  settle(current.get());
  swapping?.start();
  const turnUnready = (): void => {
    isReady = false;
    swapping?.stop();
    current.get().health.drain();
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
      await current.drain(0); // a step for calls that were cut off may still be under way
      await current.get().release();
      await tracing?.close(endMs - performance.now());
    },
  };
}

async function openPorts({ ports: planned, earlyHealth }: ServerParts, open: (port: PlannedPort) => Promise<OpenPort>) {
  const opened: OpenPort[] = [];
  const ports: Record<string, number> = {};
  for (const each of planned) {
    const port = (each.serves === "health" ? earlyHealth : undefined) ?? (await open(each));
    opened.push(port);
    for (const name of each.names) ports[name] = port.port;
  }
  return { opened, ports };
}

/** Undefined where the model stays what it is; only then the code for swaps is not loaded. */
async function openSwapping(
  { source }: ServerParts,
  parts: Omit<SwappingParts, "source">,
): Promise<Swapping | undefined> {
  if (source === undefined) return undefined;
  const { createSwapping } = await import("./servers/swapping/swapping.js");
  return createSwapping({ ...parts, source });
}

function shownOf({ engine, model, digest, capacity, loadMs }: Loaded): ShownModel {
  const { id, weightBytes, dtype, kvDtype } = model;
  return {
    limits: { ...engine.limits, slots: capacity.slots },
    model: { id, weightBytes, dtype, kvDtype, loadMs, digest: () => digest.value },
  };
}

/** Sequences of all models that have some; cache and graphs are the current model's, whose capacity is shown. */
function stateOf(current: CurrentModel) {
  const counts = current.withRequests.map(({ engine }) => engine.counts);
  const sum = (name: "waiting" | "prefilling" | "running"): number =>
    counts.reduce((total, each) => total + each[name], 0);
  const { cachedTokens, graphCaptures, graphReplays } = current.get().engine;
  return {
    ...{ waiting: sum("waiting"), prefilling: sum("prefilling"), running: sum("running"), cachedTokens },
    graphs: { captures: graphCaptures, replays: graphReplays },
  };
}
