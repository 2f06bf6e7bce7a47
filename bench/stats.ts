/** Order statistics of a handful of measurements. */

export interface Summary {
  readonly count: number;
  readonly median: number;
  readonly lowerQuartile: number;
  readonly upperQuartile: number;
}

/** Undefined when there is nothing to summarise. */
export function summarize(values: readonly number[]): Summary | undefined {
  if (values.length === 0) return undefined;
  return {
    count: values.length,
    median: quantile(values, 0.5),
    lowerQuartile: quantile(values, 0.25),
    upperQuartile: quantile(values, 0.75),
  };
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** Distance of the quartiles as a share of the median: how far apart the rounds are. */
export function spread({ median, lowerQuartile, upperQuartile }: Summary): number {
  return (upperQuartile - lowerQuartile) / median;
}

/**
 * The value below which a `share` in [0, 1] of the values lies, interpolated linearly between neighbours
 * (type 7 of Hyndman and Fan, 1996: what NumPy and spreadsheets do).
 * @returns NaN for no values.
 */
export function quantile(values: readonly number[], share: number): number {
  return quantileOfSorted(Float64Array.from(values).sort(), share);
}

/** The same of values that are in ascending order already. */
export function quantileOfSorted(sorted: Float64Array, share: number): number {
  const position = share * (sorted.length - 1);
  const below = sorted[Math.floor(position)] ?? NaN;
  const above = sorted[Math.ceil(position)] ?? NaN;
  return below + (above - below) * (position - Math.floor(position));
}
