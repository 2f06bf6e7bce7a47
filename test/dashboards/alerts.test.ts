import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { unknownNames } from "./promql.js";
import { scrapedSeries } from "./scrape.js";

interface Alert {
  readonly alert: string;
  readonly expr: string;
  readonly for: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

const file = readFileSync("charts/ortler/files/alerts.yaml", "utf8");
const { groups } = parse(file) as { readonly groups: readonly { readonly rules: readonly Alert[] }[] };
const alerts = groups.flatMap(({ rules }) => rules);
const headings = [...readFileSync("docs/runbook.md", "utf8").matchAll(/^## (\w+)$/gm)].map(([, title = ""]) => title);

/** What is not ours: Prometheus's own, and kube-state-metrics'. */
const platform = new Map([
  ["up", new Set<string>()],
  ["kube_pod_container_resource_limits", new Set(["resource", "container", "unit", "node"])],
]);

let series: ReadonlyMap<string, ReadonlySet<string>>;
beforeAll(async () => {
  series = new Map([...(await scrapedSeries()), ...platform]);
});

test("each alert has its part of the runbook, in the same order", () => {
  expect(headings).toEqual(alerts.map(({ alert }) => alert));
});

describe.each(alerts)("$alert", (alert) => {
  test("names series and labels that are exported", () => {
    expect(unknownNames(alert.expr, series)).toEqual([]);
  });

  test("says how long, how bad, what, and where to read on", () => {
    expect(alert.for).toMatch(/^\d+m$/);
    expect(["warning", "critical"]).toContain(alert.labels["severity"]);
    expect(alert.annotations["summary"]).toContain("{{ $labels.pod }}");
    expect(alert.annotations["description"]).toMatch(/\.$/);
    expect(alert.annotations["runbook_url"]).toMatch(new RegExp(`/docs/runbook\\.md#${alert.alert.toLowerCase()}$`));
  });
});
