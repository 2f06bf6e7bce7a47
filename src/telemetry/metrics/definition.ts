import type { BucketRule } from "./buckets.js";

interface Definition<Label extends string> {
  readonly name: string;
  readonly help: string;
  /** In the order in which they are written. */
  readonly labels?: readonly Label[];
}

export interface CounterDefinition<Label extends string = never> extends Definition<Label> {
  readonly type: "counter";
  /** Shown a second time under `${name}_total`, as TGIS does it. */
  readonly isDoubled?: boolean;
}

export interface GaugeDefinition<Label extends string = never> extends Definition<Label> {
  readonly type: "gauge";
}

export interface HistogramDefinition<Label extends string = never> extends Definition<Label> {
  readonly type: "histogram";
  readonly buckets: BucketRule | readonly number[];
}

export interface SummaryDefinition<Label extends string = never> extends Definition<Label> {
  readonly type: "summary";
  readonly quantiles: readonly number[];
}

/** One metric: what it is called, what it means, and how it is shown. */
export type MetricDefinition<Label extends string = string> =
  CounterDefinition<Label> | GaugeDefinition<Label> | HistogramDefinition<Label> | SummaryDefinition<Label>;

/** A value for each label. */
export type LabelsOf<Label extends string> = Readonly<Record<Label, string>>;
