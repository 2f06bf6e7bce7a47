/** The chart renders with Helm 3 and 4; whatever it renders is valid by the schema of its kind, and fits together. */
import { expect, test } from "vitest";
import { combinations } from "./support/chart-combinations.js";
import { breachesIn } from "./support/chart-rules.js";
import { helms, lintFaults, renderChart } from "./support/chart.js";
import { findFaults } from "./support/manifests.js";

test.each(Object.entries(combinations))("%s: both Helms give the same objects, valid and fitting", (_, values) => {
  const manifests = renderChart(values, "HELM_BINARY");
  expect(manifests.flatMap(findFaults)).toEqual([]);
  expect(breachesIn(manifests)).toEqual([]);
  expect(renderChart(values, "HELM3_BINARY")).toEqual(manifests);
});

test.each(helms)("%s lints the chart with the fewest and with the most values, and finds nothing", (helm) => {
  const values = ["nothing but defaults", "everything at once", "KServe in raw mode, with everything"];
  expect(values.map((name) => lintFaults(combinations[name] ?? { missing: name }, helm))).toEqual(["", "", ""]);
});
