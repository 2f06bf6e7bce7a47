/** The alerts, by the tool that Prometheus brings for them. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { parse } from "yaml";
import { renderChart } from "../support/chart.js";
import { objectsAt, textAt } from "../support/json.js";
import { theOne } from "../support/manifests.js";

const promtool = process.env["PROMTOOL_BINARY"] ?? "";
const alerts = "charts/ortler/files/alerts.yaml";
const firing = "test/deploy/prometheus/alerts.promtool.yaml";

function run(...args: readonly string[]): { readonly status: number | null; readonly output: string } {
  const { status, stdout, stderr } = spawnSync(promtool, args, { encoding: "utf8" });
  return { status, output: stdout + stderr };
}

test("there is a case in which each alert fires, and one before in which it does not", () => {
  const rules = objectsAt(parse(readFileSync(alerts, "utf8")), "groups").flatMap((group) => objectsAt(group, "rules"));
  const tests = objectsAt(parse(readFileSync(firing, "utf8")), "tests");
  const cases = tests.flatMap((each) => objectsAt(each, "alert_rule_test"));
  const named = (isFiring: boolean): Set<string> =>
    new Set(
      cases.filter((each) => objectsAt(each, "exp_alerts").length > 0 === isFiring).map((c) => textAt(c, "alertname")),
    );
  const names = new Set(rules.map((rule) => textAt(rule, "alert")));
  expect(named(true)).toEqual(names);
  expect(named(false)).toEqual(names);
});

test.skipIf(promtool === "")("alerts fire when they should, with the words that they should have", () => {
  expect(run("test", "rules", firing)).toMatchObject({
    status: 0,
    output: expect.stringContaining("SUCCESS") as string,
  });
});

test.skipIf(promtool === "")("the rules are valid, also as the chart renders them", () => {
  const folder = mkdtempSync(join(tmpdir(), "ortler-rules-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const rendered = join(folder, "rendered.yaml");
  const { spec } = theOne(renderChart({ metrics: { rules: { enabled: true } } }), "PrometheusRule");
  writeFileSync(rendered, JSON.stringify(spec)); // JSON is YAML
  expect(run("check", "rules", alerts, rendered)).toMatchObject({ status: 0 });
  expect(spec).toEqual(parse(readFileSync(alerts, "utf8")));
});
