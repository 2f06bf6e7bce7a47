import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { caikit } from "../../../src/telemetry/metrics/caikit-definitions.js";
import type { MetricDefinition } from "../../../src/telemetry/metrics/definition.js";
import { own } from "../../../src/telemetry/metrics/own-definitions.js";
import { tgis } from "../../../src/telemetry/metrics/tgis-definitions.js";
import { caikitMetrics, tgisMetrics } from "./contract.js";

/** The cells of every row of the page's tables below `title`, up to the next title. */
function tableOf(title: string): string[][] {
  const page = readFileSync("docs/metrics.md", "utf8");
  const section = page.split(/^## /m).find((text) => text.startsWith(`${title}\n`)) ?? "";
  const rows = section.split("\n").filter((line) => line.startsWith("| `"));
  const cellsOf = (line: string) => line.slice(2, -2).split(" | ");
  return rows.map((line) => cellsOf(line).map((cell) => cell.trim()));
}

function rowOf(definition: MetricDefinition): string[] {
  const { name, type, labels = [], help } = definition;
  const buckets = definition.type === "histogram" ? definition.buckets : "";
  const shown = typeof buckets === "string" ? buckets : buckets.join(" ");
  return [`\`${name}\``, type, labels.map((label) => `\`${label}\``).join(", "), shown, help];
}

test.each([
  ["TGIS", tgis],
  ["Caikit", caikit],
  ["Ortler", own],
])("docs/metrics.md lists the metrics of %s as they are", (title, definitions) => {
  expect(tableOf(title)).toEqual(Object.values<MetricDefinition>(definitions).map(rowOf));
});

test("docs/metrics.md says of each metric of the contract that is not served why", () => {
  const served = new Set([...Object.values(tgis), ...Object.values(caikit)].map(({ name }) => name as string));
  const missing = [...Object.keys(tgisMetrics), ...Object.keys(caikitMetrics)].filter((name) => !served.has(name));
  const leftOut = tableOf("Left out");
  expect(leftOut.map(([name]) => name)).toEqual(missing.map((name) => `\`${name}\``));
  expect(leftOut.filter(([, reason = ""]) => reason === "")).toEqual([]);
});

test("Caikit's metrics have the contract's types and labels", () => {
  const shown = Object.values<MetricDefinition>(caikit).map(({ name, type, labels }) => [name, { type, labels }]);
  expect(shown).toEqual(shown.map(([name]) => [name, caikitMetrics[name as string]]));
});
