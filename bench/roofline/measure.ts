/** This machine's limits, what a step could take under them, and what it took. */
import type { Gpt2Sizes } from "../checkpoint.js";
import { measureBandwidth, type Bandwidth } from "./bandwidth.js";
import { bytesOf, leastDecodeStep, leastPrefill, type LeastTime, type StepPrecision } from "./least-time.js";
import { measureProducts, type ProductPrecision, type ProductRate } from "./products.js";

export interface RooflineScenario {
  readonly checkpoint: { readonly name: string; readonly sizes: Gpt2Sizes };
  readonly sequences: readonly number[];
  readonly promptTokens: number;
  readonly newTokens: number;
  readonly prefillTokens: number;
  readonly threads: number;
}

/** What was measured of our own engine. */
export interface MeasuredDecode {
  readonly peer: string;
  readonly precision: string;
  readonly sequences: number;
  readonly tokensPerSecond: { readonly median: number } | undefined;
}

export interface RooflineRow extends LeastTime {
  readonly precision: ProductPrecision;
  /** Rows of a decode step; undefined = a prefill. */
  readonly sequences: number | undefined;
  /** Cached tokens of each sequence, on average; of a prefill, its prompt. */
  readonly contextTokens: number;
  /** What a step took; undefined where it was not measured. */
  readonly stepMs: number | undefined;
  /** `leastMs` over `stepMs`: 1 is the limit. */
  readonly achieved: number | undefined;
}

export interface RooflineReport {
  readonly threads: number;
  readonly bandwidth: Bandwidth;
  readonly products: readonly ProductRate[];
  readonly rows: readonly RooflineRow[];
}

/** Weights, and the cache that goes with them. */
function stepPrecision(precision: ProductPrecision): StepPrecision {
  return { weightBytes: bytesOf[precision], kvBytes: bytesOf[precision === "float32" ? "float32" : "int8"] };
}

const bandwidthMegabytes = 512;
const productSize = 2048;
const productRows = 512;
const runs = 10;

/** @param measured rows of peer `ortler` are set against the limits; others are not looked at. */
export async function measureRoofline(
  scenario: RooflineScenario,
  measured: readonly MeasuredDecode[] = [],
): Promise<RooflineReport> {
  const { threads } = scenario;
  const bandwidth = await measureBandwidth(threads, bandwidthMegabytes, runs);
  const products = await measureProducts(threads, productSize, productRows, runs);
  const rows = products.flatMap((rate) => rowsOf(rate, bandwidth, scenario, measured));
  return { threads, bandwidth, products, rows };
}

function rowsOf(
  { precision, operationsPerSecond }: ProductRate,
  { bytesPerSecond }: Bandwidth,
  scenario: RooflineScenario,
  measured: readonly MeasuredDecode[],
): RooflineRow[] {
  const { sizes } = scenario.checkpoint;
  const rates = { bytesPerSecond, operationsPerSecond };
  const contextTokens = scenario.promptTokens + scenario.newTokens / 2; // the mean over the steady window
  const decode = scenario.sequences.map((sequences): RooflineRow => {
    const least = leastDecodeStep(sizes, stepPrecision(precision), rates, sequences, contextTokens);
    const own = measured.find(
      (row) => row.peer === "ortler" && row.precision === precision && row.sequences === sequences,
    );
    const rate = own?.tokensPerSecond?.median;
    const stepMs = rate === undefined ? undefined : (1000 * sequences) / rate;
    return { precision, sequences, contextTokens, ...least, stepMs, achieved: stepMs && least.leastMs / stepMs };
  });
  const prefill = leastPrefill(sizes, stepPrecision(precision), rates, scenario.prefillTokens);
  const unmeasured = { sequences: undefined, stepMs: undefined, achieved: undefined };
  return [...decode, { precision, contextTokens: scenario.prefillTokens, ...prefill, ...unmeasured }];
}
