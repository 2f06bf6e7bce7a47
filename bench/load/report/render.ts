/** The report for a terminal. */
import { renderNumber, renderTable } from "../../report.js";
import type { Latency, LoadReport, Measurement } from "./format.js";
import { nameOf } from "./name.js";
import { warningsOf } from "./warnings.js";

export function renderReport(report: LoadReport): string {
  return [
    renderHead(report),
    renderThroughput(report),
    renderLatencies(report),
    ...renderTraffic(report),
    renderServer(report),
    ...renderSaturation(report),
    ...warningsOf(report).map((warning) => `Warning: ${warning}`),
  ].join("\n\n");
}

function renderHead({ machine, scenario, date, seed, version, measurements }: LoadReport): string {
  const { cpu, cores, node, loadAverage } = machine;
  const { name, about, slo } = scenario;
  const [first] = measurements;
  return [
    `${name}: ${about}`,
    ...scenario.traffic.map((traffic) => `  ${traffic}`),
    `${first?.seconds ?? 0} s after ${first?.warmUpSeconds ?? 0} s of warm-up, seed ${seed}; ` +
      `objective: first token in ${slo.firstTokenMs} ms, tokens ${slo.tokenMs} ms apart, for ${100 * slo.share}%`,
    `Ortler ${version}, ${date}; clients on ${cpu}, ${cores} cores, Node ${node}, load average before ${loadAverage.toFixed(2)}`,
  ].join("\n");
}

function renderThroughput({ measurements }: LoadReport): string {
  const rows = measurements.map((measurement) => {
    const { rates, outcome } = measurement;
    const { due, failed, good } = outcome.requests;
    const errors = [...outcome.errors].map(([code, count]) => `${count} ${code}`).join(", ");
    return [
      nameOf(measurement),
      ...[rates.tokensPerSecond, outcome.decodeTokensPerSecond, rates.requestsPerSecond, rates.goodput].map((rate) =>
        renderNumber(rate),
      ),
      due === 0 ? "-" : `${((100 * good) / due).toFixed(0)}%`,
      String(due),
      failed === 0 ? "0" : errors,
    ];
  });
  return renderTable(
    "Throughput",
    ["", "tokens/s", "decode tokens/s", "requests/s", "goodput/s", "good", "requests", "errors"],
    rows,
  );
}

function renderLatencies({ measurements }: LoadReport): string {
  const rows = measurements.map((measurement) => [nameOf(measurement), ...latencyCells(measurement.outcome)]);
  return renderTable("Latency, ms: p50 / p90 / p99", ["", "first token", "between tokens", "end to end"], rows);
}

function latencyCells({ firstTokenMs, tokenMs, endToEndMs }: Measurement["outcome"]): string[] {
  return [firstTokenMs, tokenMs, endToEndMs].map(renderLatency);
}

function renderLatency(latency: Latency | undefined): string {
  if (latency === undefined) return "-";
  return [latency.p50, latency.p90, latency.p99].map((ms) => ms.toFixed(ms < 100 ? 1 : 0)).join(" / ");
}

function renderTraffic({ measurements }: LoadReport): string[] {
  const rows = measurements.flatMap((measurement) =>
    measurement.traffic.map(({ name, outcome }) => [`${measurement.target.name}, ${name}`, ...latencyCells(outcome)]),
  );
  if (rows.length === 0) return [];
  return [renderTable("Latency by traffic, ms", ["", "first token", "between tokens", "end to end"], rows)];
}

type Sample = Measurement["server"][number];

function renderServer({ measurements }: LoadReport): string {
  const rows = measurements.map((measurement) => {
    const { client, seconds, warmUpSeconds } = measurement;
    const isMeasured = (sample: Sample): boolean =>
      sample.seconds >= warmUpSeconds && sample.seconds < warmUpSeconds + seconds;
    const server = measurement.server.filter(isMeasured);
    const mean = (read: (sample: Sample) => number | undefined, digits = 1): string =>
      renderMean(server.map(read), digits);
    return [
      nameOf(measurement),
      mean(({ queue }) => queue),
      mean(({ running }) => running),
      mean(({ batch }) => batch),
      mean(({ kvShare }) => kvShare && 100 * kvShare, 0),
      mean(({ cpus }) => cpus, 2),
      mean(({ residentBytes }) => residentBytes && residentBytes / 2 ** 20, 0),
      renderNumber(client.cpuShare, 2),
      renderNumber(client.loopDelayP99Ms),
    ];
  });
  const header = ["", "queue", "running", "batch", "KV %", "CPUs", "MiB", "client CPU", "client late, ms"];
  return renderTable("The server, on average, and the clients", header, rows);
}

function renderMean(values: readonly (number | undefined)[], digits: number): string {
  const known = values.filter((value) => value !== undefined);
  return renderNumber(known.length === 0 ? undefined : known.reduce((a, b) => a + b, 0) / known.length, digits);
}

function renderSaturation({ saturation }: LoadReport): string[] {
  return saturation.map(({ target, perSecond }) =>
    perSecond === undefined
      ? `${target}: no rate meets the objective`
      : `${target}: the objective is met up to ${renderNumber(perSecond, 2)} requests/s`,
  );
}
