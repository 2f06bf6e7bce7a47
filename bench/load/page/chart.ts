/** A plot as data; `bench/report-page/charts.js` draws it in the browser. */
export interface Chart {
  readonly title: string;
  readonly xLabel: string;
  /** With the unit. */
  readonly yLabel: string;
  /** Ascending. */
  readonly x: readonly number[];
  /** Where the values of x double from one to the next, and each deserves its place. */
  readonly isLogarithmic: boolean;
  readonly lines: readonly Line[];
}

export interface Line {
  readonly label: string;
  /** The same label has the same colour in every plot. */
  readonly color: number;
  /** One for each x; null: not known. */
  readonly values: readonly (number | null)[];
}

/** What one line is made of: its points, in any order. */
export interface Points {
  readonly label: string;
  readonly color: number;
  readonly points: readonly (readonly [x: number, y: number | undefined])[];
}

/** Lines with points of their own over one common x. Lines of which nothing is known are left out. */
export function chartOf(
  labels: Pick<Chart, "title" | "xLabel" | "yLabel">,
  all: readonly Points[],
  isLogarithmic = false,
): Chart | undefined {
  const known = all.filter(({ points }) => points.some(([, y]) => y !== undefined));
  if (known.length === 0) return undefined;
  const x = [...new Set(known.flatMap(({ points }) => points.map(([value]) => value)))].sort((a, b) => a - b);
  const lines = known.map(({ label, color, points }) => {
    const values = new Map(points);
    return { label, color, values: x.map((value) => values.get(value) ?? null) };
  });
  return { ...labels, x, isLogarithmic, lines };
}
