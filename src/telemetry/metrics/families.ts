import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry, Summary } from "prom-client";
import { bucketsOf, type BucketLimits } from "./buckets.js";
import type {
  CounterDefinition,
  GaugeDefinition,
  HistogramDefinition,
  LabelsOf,
  MetricDefinition,
  SummaryDefinition,
} from "./definition.js";

/** Labels, for a definition that has some. */
type Labels<Label extends string> = [Label] extends [never] ? [] : [labels: LabelsOf<Label>];

/**
 * The metrics of one server. As in TGIS, nothing is registered in advance: a metric, and each of its series, appears
 * with its first value. A definition is known by its identity, so use the constants.
 */
export class Families {
  readonly #registry = new Registry();
  readonly #counters = new Map<CounterDefinition<string>, readonly Counter[]>();
  readonly #gauges = new Map<GaugeDefinition<string>, Gauge>();
  readonly #histograms = new Map<HistogramDefinition<string>, Histogram>();
  readonly #summaries = new Map<SummaryDefinition<string>, Summary>();
  readonly #beforeScrape: (() => void)[] = [];

  constructor(private readonly limits: BucketLimits) {}

  /** Adds `by`, one or more. */
  count<L extends string = never>(definition: CounterDefinition<L>, by: number, ...labels: Labels<L>): void {
    const counters = made(this.#counters, definition, () =>
      namesOf(definition).map((name) => new Counter({ ...this.#configurationOf(definition), name })),
    );
    for (const counter of counters) counter.inc(inOrder(definition, labels), by);
  }

  set<L extends string = never>(definition: GaugeDefinition<L>, value: number, ...labels: Labels<L>): void {
    this.#gauge(definition).set(inOrder(definition, labels), value);
  }

  /** Sets a gauge's only series: those of other labels are gone. */
  setOnly<L extends string>(definition: GaugeDefinition<L>, value: number, labels: LabelsOf<L>): void {
    this.clear(definition);
    this.#gauge(definition).set(inOrder(definition, [labels]), value);
  }

  /** A gauge with labels has no series from now on. */
  clear(definition: GaugeDefinition<string>): void {
    this.#gauges.get(definition)?.reset();
  }

  /** Moves a gauge by `by`, which may be negative. */
  move<L extends string = never>(definition: GaugeDefinition<L>, by: number, ...labels: Labels<L>): void {
    this.#gauge(definition).inc(inOrder(definition, labels), by);
  }

  observe<L extends string = never>(
    definition: HistogramDefinition<L> | SummaryDefinition<L>,
    value: number,
    ...labels: Labels<L>
  ): void {
    const metric = definition.type === "histogram" ? this.#histogram(definition) : this.#summary(definition);
    metric.observe(inOrder(definition, labels), value);
  }

  /** `update` is called before each scrape, for values that are read and not counted. */
  beforeScrape(update: () => void): void {
    this.#beforeScrape.push(update);
  }

  /** Adds the usual metrics of a Node process: `process_*` and `nodejs_*`, event loop delay included. */
  addProcessMetrics(): void {
    collectDefaultMetrics({ register: this.#registry });
  }

  /** All series in Prometheus' text format, version 0.0.4. */
  async exposition(): Promise<string> {
    for (const update of this.#beforeScrape) update();
    return this.#registry.metrics();
  }

  #gauge(definition: GaugeDefinition<string>): Gauge {
    return made(this.#gauges, definition, () => new Gauge(this.#configurationOf(definition)));
  }

  #histogram(definition: HistogramDefinition<string>): Histogram {
    const { buckets } = definition;
    return made(this.#histograms, definition, () => {
      const bounds = typeof buckets === "string" ? bucketsOf(buckets, this.limits) : [...buckets];
      return new Histogram({ ...this.#configurationOf(definition), buckets: bounds });
    });
  }

  #summary(definition: SummaryDefinition<string>): Summary {
    const percentiles = [...definition.quantiles];
    return made(this.#summaries, definition, () => new Summary({ ...this.#configurationOf(definition), percentiles }));
  }

  #configurationOf({ name, help, labels = [] }: MetricDefinition) {
    return { name, help, labelNames: labels, registers: [this.#registry] };
  }
}

/** The names under which a metric is shown. */
export function namesOf(definition: MetricDefinition): string[] {
  const isDoubled = definition.type === "counter" && definition.isDoubled === true;
  return isDoubled ? [definition.name, `${definition.name}_total`] : [definition.name];
}

function made<D, M>(metrics: Map<D, M>, definition: D, make: () => M): M {
  const known = metrics.get(definition);
  if (known !== undefined) return known;
  const metric = make();
  metrics.set(definition, metric);
  return metric;
}

/** prom-client writes labels in the order of the first object that it sees. */
function inOrder(
  { labels: names = [] }: MetricDefinition,
  [labels]: readonly Readonly<Record<string, string>>[],
): Record<string, string> {
  if (labels === undefined) return {};
  return Object.fromEntries(names.map((name) => [name, labels[name] ?? ""]));
}
