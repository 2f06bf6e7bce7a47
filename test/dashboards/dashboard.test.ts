import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { parseQuery, unknownNames } from "./promql.js";
import { scrapedSeries } from "./scrape.js";

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[];
}

const paths = ["dashboards/ortler.json", "charts/ortler/files/dashboard.json"];
const { panels } = JSON.parse(readFileSync("dashboards/ortler.json", "utf8")) as { readonly panels: readonly Panel[] };
const charts = panels.filter(({ type }) => type !== "row");
const targets = charts.flatMap(({ title, targets = [] }) => targets.map((target) => ({ title, ...target })));

let series: ReadonlyMap<string, ReadonlySet<string>>;
beforeAll(async () => {
  series = await scrapedSeries();
});

test.each(paths)("%s is what dashboards/source.js says", (path) => {
  const generated = execFileSync(process.execPath, ["dashboards/generate.js", "--print"], { encoding: "utf8" });
  expect(readFileSync(path, "utf8")).toBe(generated);
});

test("the dashboard's rows are what an operator asks about", () => {
  const rows = panels.filter(({ type }) => type === "row").map(({ title }) => title);
  expect(rows).toEqual(["Load", "Latency", "Batch", "Cache and memory", "GPU", "Errors", "Start"]);
});

test("no two panels share an id or a place", () => {
  const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
    Array.from({ length: w * h }, (_, cell) => `${x + (cell % w)},${y + Math.floor(cell / w)}`),
  );
  expect(new Set(cells).size).toBe(cells.length);
  expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
  expect(charts.filter(({ targets = [] }) => targets.length === 0)).toEqual([]);
});

test("the names of OpenShift AI's TGIS dashboard are there", () => {
  const times = ["tgi_request_inference_duration", "tgi_request_duration"].flatMap((name) => [
    `${name}_sum`,
    `${name}_count`,
  ]);
  expect([...series.keys()]).toEqual(expect.arrayContaining(["tgi_request_success", "tgi_request_failure", ...times]));
});

describe.each(targets)("panel $title: $expr", ({ expr, legendFormat }) => {
  test("names series and labels that a server exports", () => {
    expect(unknownNames(expr, series)).toEqual([]);
  });

  test("shows the chosen replicas, each by its name", () => {
    const ofChosen = parseQuery(expr).selectors.map(({ labels }) => labels.slice(0, 2));
    expect(ofChosen).toEqual(ofChosen.map(() => ["namespace", "pod"]));
    expect(legendFormat).toContain("{{pod}}");
  });

  test("has only labels in its legend that its series have", () => {
    const shown = [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, label = ""]) => label);
    const legend = parseQuery(expr).selectors.map(({ metric }) => `sum by (${shown.join(", ")}) (${metric})`);
    expect(legend.flatMap((query) => unknownNames(query, series))).toEqual([]);
  });
});
