import { expect, test } from "vitest";
import { createMetrics, type MetricsOptions } from "../../../src/telemetry/metrics/create-metrics.js";
import type { GraphCounts } from "../../../src/telemetry/metrics/device.js";
import type { EngineState } from "../../../src/telemetry/metrics/own.js";
import { parseExposition } from "../../support/exposition.js";

/** What scrapes say of the device, by metric. */
function scraper(options: Pick<MetricsOptions, "deviceUse"> & Pick<EngineState, "graphs">) {
  const { deviceUse } = options;
  const metrics = createMetrics({
    limits: { maxSequenceLength: 96, maxNewTokens: 32, slots: 4 },
    version: "1",
    model: { id: "m", weightBytes: 1, loadMs: 1, dtype: "float16", kvDtype: "float16", digest: () => undefined },
    engineState: () => ({ waiting: 0, prefilling: 0, running: 0, cachedTokens: 0, graphs: options.graphs }),
    deviceUse,
  });
  return async (): Promise<Record<string, number | undefined>> => {
    const families = [...parseExposition(await metrics.exposition()).values()];
    const ofDevice = families.filter(({ name }) => /^ortler_(device|graph)_/.test(name));
    return Object.fromEntries(ofDevice.map(({ name, samples }) => [name, samples[0]?.value]));
  };
}

test("a GPU's memory and work are shown as they are at the scrape", async () => {
  let scrapes = 0;
  const read = () => ({ memory: { usedBytes: 20 * (scrapes += 1), totalBytes: 80 }, busyShare: 0.25 * scrapes });
  const scrape = scraper({ deviceUse: read });
  const expected = (usedBytes: number, share: number) => ({
    ortler_device_memory_used_bytes: usedBytes,
    ortler_device_memory_size_bytes: 80,
    ortler_device_busy_ratio: share,
  });
  expect([await scrape(), await scrape()]).toEqual([expected(20, 0.25), expected(40, 0.5)]);
});

test("what a GPU does not say is not shown", async () => {
  const scrape = scraper({ deviceUse: () => ({ memory: undefined, busyShare: 1 }) });
  expect(await scrape()).toEqual({ ortler_device_busy_ratio: 1 });
});

test("a CPU has none of them", async () => {
  expect(await scraper({ graphs: { captures: 0, replays: 0 } })()).toEqual({});
});

test("CUDA graphs are counted on over the engines of models that are swapped", async () => {
  const engines = [
    { captures: 2, replays: 10 },
    { captures: 3, replays: 30 },
    { captures: 1, replays: 5 }, // of another model
    { captures: 1, replays: 6 },
    { captures: 0, replays: 9 }, // of another one, with more replays
  ];
  const state: { graphs?: GraphCounts } = {};
  const scrape = scraper(state);
  const counted: unknown[] = [];
  for (const graphs of engines) {
    state.graphs = graphs;
    counted.push(Object.values(await scrape()));
  }
  expect(counted).toEqual([
    [2, 10],
    [3, 30],
    [4, 35],
    [4, 36],
    [4, 45],
  ]);
});
