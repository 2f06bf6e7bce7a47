/** Results as a table for people, and as JSON for programs. */
import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { spread, type Summary } from "./stats.js";

/** Goes up when a field of a report changes its name or meaning. */
export const schemaVersion = 1;

/** Columns as wide as their widest cell: the first to the left, numbers to the right. */
export function renderTable(title: string, header: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = header.map((name, column) => Math.max(name.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const renderRow = (row: readonly string[]): string =>
    widths
      .map((width, column) => (column === 0 ? (row[column] ?? "").padEnd(width) : (row[column] ?? "").padStart(width)))
      .join("  ")
      .trimEnd();
  const rule = widths.map((width) => "-".repeat(width));
  return [title, ...[header, rule, ...rows].map((row) => `  ${renderRow(row)}`)].join("\n");
}

/** Undefined: it could not be measured. */
export function renderNumber(value: number | undefined, digits = 1): string {
  return value === undefined || Number.isNaN(value) ? "-" : value.toFixed(digits);
}

/** The median, and how far apart the quartiles are in per cent of it. */
export function renderSummary(summary: Summary | undefined, digits = 1): string {
  if (summary === undefined) return "-";
  return `${summary.median.toFixed(digits)} (${(100 * spread(summary)).toFixed(0)}%)`;
}

export async function writeJson(file: string, report: object): Promise<void> {
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, `${JSON.stringify({ schemaVersion, ...report }, undefined, 2)}\n`);
}
