/** Every query of the dashboard and every alert, evaluated by a real Prometheus that scrapes real servers. */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { objectsAt, textAt, type JsonObject } from "../support/json.js";
import { Prometheus } from "./prometheus.js";
import { BusyServer, FetchingServer } from "./servers.js";

const binary = process.env["PROMETHEUS_BINARY"] ?? "";
const dashboard: unknown = JSON.parse(readFileSync("dashboards/ortler.json", "utf8"));
const panels = objectsAt(dashboard, "panels");
const patience = { timeout: 40_000, interval: 500 };

/** As Grafana does it when all replicas are chosen. */
function fillVariables(query: string): string {
  return query.replaceAll("$namespace", ".*").replaceAll("$pod", ".*").replaceAll("$__rate_interval", "5s");
}

function queriesOf(panel: JsonObject): string[] {
  return objectsAt(panel, "targets").map((target) => fillVariables(textAt(target, "expr")));
}

/** Grafana's own `label_values(series, label)` as PromQL. */
const variables = objectsAt(dashboard, "templating", "list").flatMap((variable) => {
  const [, series, label] = /^label_values\((.+), (\w+)\)$/.exec(textAt(variable, "query", "query")) ?? [];
  return series === undefined ? [] : [`group by (${label}) (${fillVariables(series)})`];
});

describe.skipIf(binary === "")("Prometheus beside a busy server and one that fetches", () => {
  let busy: BusyServer;
  let fetching: FetchingServer;
  let prometheus: Prometheus;

  beforeAll(async () => {
    [busy, fetching] = await Promise.all([BusyServer.start(), FetchingServer.start()]);
    const targets = [
      { pod: "busy", port: busy.healthPort },
      { pod: "fetching", port: fetching.healthPort },
    ];
    prometheus = await Prometheus.start(binary, targets, "charts/ortler/files/alerts.yaml");
    await vi.waitUntil(() => prometheus.isReady(), patience);
  });
  afterAll(async () => {
    for (const part of [prometheus, busy, fetching]) await part[Symbol.asyncDispose]();
  });

  test("every panel of the dashboard shows numbers, but those of a GPU and of faults that there are none of", async () => {
    const emptyPanels = async (): Promise<string[]> => {
      const shown = panels.map(async (panel) => {
        const values = (await Promise.all(queriesOf(panel).map((query) => prometheus.query(query)))).map(
          (numbers) => numbers.filter(Number.isFinite).length,
        );
        return values.every((count) => count > 0) ? [] : [textAt(panel, "title")];
      });
      return (await Promise.all(shown)).flat();
    };
    expect(panels.flatMap(queriesOf).length).toBeGreaterThan(30);
    await expect.poll(emptyPanels, patience).toEqual(["GPU memory", "GPU busy", "CUDA graphs", "Failed runs"]);
  });

  test("the dashboard's variables offer the namespace and the pod of the server that serves", async () => {
    const offered = async (): Promise<number[][]> => Promise.all(variables.map((query) => prometheus.query(query)));
    await expect.poll(offered, patience).toEqual([[1], [1]]);
  });

  test("every alert is evaluated: those of a model that does not come are about its server, those of a server that ends about that one", async () => {
    const alerts = async (): Promise<object> => {
      const all = Object.entries(await prometheus.alerts());
      return Object.fromEntries(all.filter(([, pods]) => pods.length > 0));
    };
    const ofFetching = { OrtlerModelFetchFails: ["fetching"], OrtlerNotReady: ["fetching"] };
    await expect.poll(alerts, patience).toEqual(ofFetching);
    await busy[Symbol.asyncDispose]();
    await expect.poll(alerts, patience).toEqual({ ...ofFetching, OrtlerDown: ["busy"] });
  });
});
