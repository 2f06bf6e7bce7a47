/** PromQL of the dashboard, by replica: each function gives the queries of one panel, as `{ expr, legend }`. */

/** The replicas that the dashboard's variables choose. Both match the empty label of a scrape outside of Kubernetes. */
const chosen = 'namespace=~"$namespace",pod=~"$pod"';

/** The series of `metric` of those replicas, with further matchers if there are any. */
export const select = (metric, ...matchers) => `${metric}{${[chosen, ...matchers].join(",")}}`;

/** A second. Four scrapes at least are in the window, whatever the interval. */
export const rate = (metric, ...matchers) => `rate(${select(metric, ...matchers)}[$__rate_interval])`;

/** The value of a gauge now. */
export const gauge = (metric, legend = "{{pod}}") => ({ expr: select(metric), legend });

/** How fast a counter grows, by replica and `label`, if one is given. */
export const rateBy = (metric, label) => ({
  expr: `sum by (pod${label === undefined ? "" : `, ${label}`}) (${rate(metric)})`,
  legend: label === undefined ? "{{pod}}" : `{{pod}} {{${label}}}`,
});

/** Median and 99th percentile of a histogram. */
export const percentiles = (histogram, ...matchers) =>
  [0.5, 0.99].map((quantile) => ({
    expr: `histogram_quantile(${quantile}, sum by (pod, le) (${rate(`${histogram}_bucket`, ...matchers)}))`,
    legend: `{{pod}} p${quantile * 100}`,
  }));

/** Mean of a histogram. */
export const mean = (histogram, ...matchers) => ({
  expr: `sum by (pod) (${rate(`${histogram}_sum`, ...matchers)}) / sum by (pod) (${rate(`${histogram}_count`, ...matchers)})`,
  legend: "{{pod}}",
});
