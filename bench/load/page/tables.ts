/** The figures of a page. */
import { renderNumber } from "../../report.js";
import type { Latency, Measurement } from "../report/format.js";
import { nameOf } from "../report/name.js";
import type { NamedReport } from "./charts.js";
import { renderHtmlTable } from "./html.js";

/** A measurement with what it is called, and the one of the first report that it is compared with. */
interface Row {
  readonly name: string;
  readonly measurement: Measurement;
  readonly first: Measurement | undefined;
}

export function renderTables(reports: readonly NamedReport[]): string {
  const rows = rowsOf(reports);
  const traffic = rows.flatMap(({ name, measurement }) =>
    measurement.traffic.map((each) => [`${name}, ${each.name}`, ...latencyCells(each.outcome)]),
  );
  return [
    renderThroughput(rows, reports.length > 1),
    renderHtmlTable(
      "Latency in milliseconds",
      latencyHeader,
      rows.map(({ name, measurement }) => [name, ...latencyCells(measurement.outcome)]),
    ),
    ...(traffic.length === 0 ? [] : [renderHtmlTable("Latency by traffic, in milliseconds", latencyHeader, traffic)]),
  ].join("\n");
}

function rowsOf(reports: readonly NamedReport[]): Row[] {
  const [first] = reports;
  return reports.flatMap((named) =>
    named.report.measurements.map((measurement) => {
      const name = nameOf(measurement);
      const compared = first?.report.measurements.find((each) => nameOf(each) === name);
      return {
        name: reports.length === 1 ? name : `${named.name}: ${name}`,
        measurement,
        first: named === first ? undefined : compared,
      };
    }),
  );
}

function renderThroughput(rows: readonly Row[], isComparison: boolean): string {
  const header = ["", "tokens/s", "decode tokens/s", "requests/s", "goodput/s", "good", "requests", "errors"];
  const compared = isComparison ? ["tokens/s to the first", "first token p50 to the first"] : [];
  const cells = rows.map(({ name, measurement, first }) => {
    const { rates, outcome } = measurement;
    const { due, failed, good } = outcome.requests;
    const errors = [...outcome.errors].map(([code, count]) => `${count} × ${code}`).join(", ");
    return [
      name,
      ...[rates.tokensPerSecond, outcome.decodeTokensPerSecond, rates.requestsPerSecond, rates.goodput].map((rate) =>
        renderNumber(rate),
      ),
      due === 0 ? "-" : `${((100 * good) / due).toFixed(0)}%`,
      String(due),
      failed === 0 ? "0" : errors,
      ...(isComparison ? ratioCells(measurement, first) : []),
    ];
  });
  return renderHtmlTable("Throughput", [...header, ...compared], cells);
}

function ratioCells(own: Measurement, first: Measurement | undefined): string[] {
  const ratio = (read: (each: Measurement) => number | undefined): string => {
    const [value, base] = [read(own), first && read(first)];
    return value === undefined || base === undefined || base === 0 ? "-" : `${(value / base).toFixed(2)}×`;
  };
  return [ratio(({ rates }) => rates.tokensPerSecond), ratio(({ outcome }) => outcome.firstTokenMs?.p50)];
}

const kinds = ["first token", "between tokens", "end to end"];
const latencyHeader = ["", ...kinds.flatMap((kind) => [`${kind} p50`, "p90", "p99"])];

function latencyCells({ firstTokenMs, tokenMs, endToEndMs }: Measurement["outcome"]): string[] {
  return [firstTokenMs, tokenMs, endToEndMs].flatMap(percentileCells);
}

function percentileCells(latency: Latency | undefined): string[] {
  return [latency?.p50, latency?.p90, latency?.p99].map((ms) => renderNumber(ms, ms !== undefined && ms < 100 ? 1 : 0));
}
