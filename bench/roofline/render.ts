import { renderNumber, renderTable } from "../report.js";
import type { RooflineReport } from "./measure.js";

export function renderRoofline({ threads, bandwidth, products, rows }: RooflineReport): string {
  const gigabytes = renderNumber(bandwidth.bytesPerSecond / 1e9);
  const limits = [
    `Limits with ${threads} threads: ${gigabytes} GB/s read (${bandwidth.operator})`,
    ...products.map(
      ({ precision, operator, operationsPerSecond }) =>
        `  ${precision}: ${renderNumber(operationsPerSecond / 1e9, 0)} billion operations a second (${operator})`,
    ),
  ];
  const table = rows.map((row) => [
    `${row.precision}, ${row.sequences === undefined ? "prefill" : `decode ${row.sequences}`}`,
    renderNumber(row.contextTokens, 0),
    ...[row.memoryMs, row.arithmeticMs, row.leastMs].map((ms) => renderNumber(ms, 2)),
    row.limit,
    renderNumber(row.stepMs, 2),
    row.achieved === undefined ? "-" : `${renderNumber(100 * row.achieved, 0)}%`,
  ]);
  const header = ["", "context", "memory", "arithmetic", "least", "limit", "took", "achieved"];
  return [...limits, "", renderTable("Least time of a step, ms", header, table)].join("\n");
}
