import { expect, test } from "vitest";
import { parseQuery, unknownNames } from "./promql.js";

test.each(["rate(x", "rate(x[5m]))", "x{pod=}", "5 > 4", "x ~ 3", "rate"])("%s is no query", (text) => {
  expect(() => parseQuery(text)).toThrow();
});

test("a query's metrics, matchers and groupings are found", () => {
  expect(parseQuery('sum by (pod, le) (rate(a_bucket{pod=~"x",le="1"}[5m])) / on (pod) group_left () b > 0.5')).toEqual(
    {
      selectors: [
        { metric: "a_bucket", labels: ["pod", "le"] },
        { metric: "b", labels: [] },
      ],
      groupingLabels: ["pod", "le", "pod"],
    },
  );
});

test("metrics and labels that nobody exports are named", () => {
  const series = new Map([["a", new Set(["err"])]]);
  expect(unknownNames('sum by (err, pod) (a{err="x"})', series)).toEqual([]);
  expect(unknownNames('sum by (kind) (a{code="x"}) / b', series)).toEqual(["b", "code", "kind"]);
});
