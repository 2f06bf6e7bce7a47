/** Which plots a page has. */
import type { Latency, LoadReport, Measurement } from "../report/format.js";
import { nameOf } from "../report/name.js";
import { chartOf, type Chart, type Points } from "./chart.js";

/** A report, and what it is called beside others. */
export interface NamedReport {
  readonly name: string;
  readonly report: LoadReport;
}

/** More lines than that cannot be told apart. */
const mostLines = 8;

/** Over clients or rates where a report has them; else over percentiles and over time. */
export function chartsOf(reports: readonly NamedReport[]): Chart[] {
  const charts = [...axisCharts(reports), ...detailCharts(reports)];
  return charts.filter((chart) => chart !== undefined);
}

/** The name of a line; that of the report is in it when there are several. */
function prefixOf(reports: readonly NamedReport[], { name }: NamedReport): string {
  return reports.length === 1 ? "" : `${name}: `;
}

interface AxisLine {
  readonly label: string;
  readonly color: number;
  readonly measurements: readonly Measurement[];
}

function axisCharts(reports: readonly NamedReport[]): (Chart | undefined)[] {
  const axes = new Set(reports.flatMap(({ report }) => report.scenario.axis ?? []));
  return [...axes].flatMap((axis) => {
    const lines = axisLines(
      reports,
      reports.filter(({ report }) => report.scenario.axis === axis),
    );
    const over = (
      title: string,
      yLabel: string,
      read: (each: Measurement) => number | undefined,
    ): Chart | undefined => {
      const toPoints = ({ label, color, measurements }: AxisLine): Points => ({
        ...{ label, color },
        points: measurements.flatMap((each) =>
          each.phase.x === undefined ? [] : [[each.phase.x, read(each)] as const],
        ),
      });
      return chartOf({ title, xLabel: axis, yLabel }, lines.map(toPoints), axis === "clients");
    };
    return [
      over("Tokens a second", "tokens/s", ({ rates }) => rates.tokensPerSecond),
      over("Good requests", "% of all", ({ outcome: { requests } }) =>
        requests.due === 0 ? undefined : (100 * requests.good) / requests.due,
      ),
      over("First token, p50", "ms", ({ outcome }) => outcome.firstTokenMs?.p50),
      over("First token, p99", "ms", ({ outcome }) => outcome.firstTokenMs?.p99),
      over("Between tokens, p50", "ms", ({ outcome }) => outcome.tokenMs?.p50),
      over("Between tokens, p99", "ms", ({ outcome }) => outcome.tokenMs?.p99),
    ];
  });
}

function axisLines(all: readonly NamedReport[], reports: readonly NamedReport[]): AxisLine[] {
  const lines = reports.flatMap((named) => {
    const { measurements } = named.report;
    const targets = [...new Set(measurements.map(({ target }) => target.name))];
    return targets.map((name) => ({
      label: prefixOf(all, named) + name,
      measurements: measurements.filter(({ target }) => target.name === name),
    }));
  });
  return lines.slice(0, mostLines).map((line, color) => ({ ...line, color }));
}

interface DetailLine {
  readonly label: string;
  readonly color: number;
  readonly measurement: Measurement;
}

function detailCharts(reports: readonly NamedReport[]): (Chart | undefined)[] {
  const lines = reports
    .filter(({ report }) => report.scenario.axis === undefined)
    .flatMap((named) =>
      named.report.measurements.map((measurement) => ({
        label: prefixOf(reports, named) + nameOf(measurement),
        measurement,
      })),
    )
    .slice(0, mostLines)
    .map((line, color) => ({ ...line, color }));
  return [...distributionCharts(lines), ...timeCharts(lines)];
}

function distributionCharts(lines: readonly DetailLine[]): (Chart | undefined)[] {
  const over = (title: string, read: (each: Measurement) => Latency | undefined): Chart | undefined => {
    const toPoints = ({ label, color, measurement }: DetailLine): Points => ({
      ...{ label, color },
      points: (read(measurement)?.percentiles ?? []).map((ms, percent) => [percent, ms] as const),
    });
    return chartOf({ title, xLabel: "percentile", yLabel: "ms" }, lines.map(toPoints));
  };
  return [
    over("First token", ({ outcome }) => outcome.firstTokenMs),
    over("From one token to the next", ({ outcome }) => outcome.tokenMs),
    over("End to end", ({ outcome }) => outcome.endToEndMs),
  ];
}

type Sample = Measurement["server"][number];
type ClientPulse = Measurement["pulses"][number];

function timeCharts(lines: readonly DetailLine[]): (Chart | undefined)[] {
  const xLabel = "seconds";
  const ofClients = (title: string, yLabel: string, read: (pulse: ClientPulse) => number): Chart | undefined =>
    chartOf(
      { title, xLabel, yLabel },
      lines.map(({ label, color, measurement }) => ({
        ...{ label, color },
        points: measurement.pulses.map((pulse) => [pulse.seconds, read(pulse)] as const),
      })),
    );
  const ofServer = (title: string, yLabel: string, read: (sample: Sample) => number | undefined): Chart | undefined =>
    chartOf(
      { title, xLabel, yLabel },
      lines.map(({ label, color, measurement }) => ({
        ...{ label, color },
        points: measurement.server.map((sample) => [roundTime(sample.seconds), read(sample)] as const),
      })),
    );
  return [
    ofClients("Tokens a second", "tokens/s", ({ tokensPerSecond }) => tokensPerSecond),
    ofClients("Requests in flight", "requests", ({ inFlight }) => inFlight),
    ofServer("Requests that wait in the server", "requests", ({ queue }) => queue),
    ofServer("Requests that run in the server", "requests", ({ running }) => running),
    ofServer("Sequences in a decode run", "sequences", ({ batch }) => batch),
    ofServer("KV cache in use", "%", ({ kvShare }) => kvShare && 100 * kvShare),
    ofServer("CPUs in use by the server", "CPUs", ({ cpus }) => cpus),
    ofServer("Resident memory of the server", "MiB", ({ residentBytes }) => residentBytes && residentBytes / 2 ** 20),
  ];
}

/** To a tenth of a second, so that samples of several runs fall on the same places. */
const roundTime = (seconds: number): number => Math.round(10 * seconds) / 10;
