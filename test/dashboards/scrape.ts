import { observeAll } from "../../src/engine/observer.js";
import type { RunningEngine } from "../../src/engine/index.js";
import { createMetrics, type Metrics, type MetricsOptions } from "../../src/telemetry/metrics/create-metrics.js";
import { fetchingExposition } from "../../src/telemetry/metrics/fetching.js";
import { startHeld } from "../support/batching.js";
import { startTestEngine } from "../support/engine.js";
import { parseExposition } from "../support/exposition.js";
import { quiet } from "../support/scripted-runner.js";

/** The labels of every series name that a server exports: one that fetches its model, one that answers, one on a GPU that fails and refuses a new model. */
export async function scrapedSeries(): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  const texts = [await fetchingExposition(() => undefined)(), await afterAnAnswer(), await afterAFailure()];
  const series = new Map<string, Set<string>>();
  for (const family of texts.flatMap((text) => [...parseExposition(text).values()])) {
    for (const { name, labels } of family.samples) {
      series.set(name, new Set([...(series.get(name) ?? []), ...labels.keys()]));
    }
  }
  return series;
}

/** A greedy answer that repeats itself, so that guessed tokens are accepted, and a call of either kind. */
async function afterAnAnswer(): Promise<string> {
  using running = await startTestEngine("test/fixtures/micro-gpt2", { maxSlots: 4, maxNewTokens: 64, kvDtype: "int8" });
  const metrics = measure(running.engine);
  const asked = { prompt: "the cat sat on the mat", method: "greedy", maxNewTokens: 64, minNewTokens: 64 } as const;
  const events = running.engine.generate(asked, new AbortController().signal, { kind: "single" });
  while ((await events.next()).done !== true);
  call(metrics, "http");
  call(metrics, "grpc");
  return await metrics.exposition();
}

async function afterAFailure(): Promise<string> {
  const { engine, ask, runner } = startHeld();
  const memory = { usedBytes: 1, totalBytes: 2 };
  const metrics = measure(engine, {
    deviceUse: () => ({ memory, busyShare: 0.5 }),
    engineState: () => ({ ...engine.counts, cachedTokens: 0, graphs: { captures: 1, replays: 2 } }),
  });
  const answer = ask("a");
  await quiet();
  runner.failWith(new Error("out of memory"));
  await runner.finishRun();
  await answer.end;
  metrics.modelRefused({ reason: "memory", digest: "sha256:1" });
  return metrics.exposition();
}

function measure(engine: RunningEngine["engine"], more: Partial<MetricsOptions> = {}): Metrics {
  const metrics = createMetrics({
    limits: { ...engine.limits, slots: 4 },
    version: "1",
    model: { id: "m", weightBytes: 1, loadMs: 1, dtype: "float32", kvDtype: "float32", digest: () => "sha256:0" },
    engineState: () => ({ ...engine.counts, cachedTokens: engine.cachedTokens }),
    ...more,
  });
  engine.observe(observeAll(...metrics.observers));
  return metrics;
}

function call({ apiObserver }: Metrics, protocol: "http" | "grpc"): void {
  const http = { method: "POST", route: "/v1/completions", path: "/v1/completions", scheme: "http" } as const;
  const named = { service: "s", method: "m", type: "UNARY", requestName: "r", modelId: undefined } as const;
  const event = { ...named, protocol, http: protocol === "http" ? http : undefined };
  const counted = { receivedMessages: 1, sentMessages: 1, durationMs: 1 };
  apiObserver.callStarted(event);
  apiObserver.callEnded(event, { code: "OK", httpStatus: protocol === "http" ? 200 : undefined, ...counted });
}
