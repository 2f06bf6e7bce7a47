import { describe, expect, test } from "vitest";
import { chartOf, type Chart } from "../../../bench/load/page/chart.js";
import { chartsOf } from "../../../bench/load/page/charts.js";
import { renderPage } from "../../../bench/load/page/page.js";
import { readReport, writeReport, type LoadReport, type Measurement } from "../../../bench/load/report/format.js";
import { renderReport } from "../../../bench/load/report/render.js";
import { latencyOf } from "../../../bench/load/report/summarize.js";
import { warningsOf } from "../../../bench/load/report/warnings.js";

interface Figures {
  readonly api?: string;
  /** Clients of a sweep. */
  readonly x?: number;
  readonly tokensPerSecond?: number;
}

function measurement({ api = "tgis", x, tokensPerSecond = 100 }: Figures = {}): Measurement {
  return {
    target: { name: api, api, address: "127.0.0.1:1", modelId: "</script><b>" },
    phase: { label: x === undefined ? "" : `${x} clients`, x },
    ...{ seconds: 2, warmUpSeconds: 1 },
    outcome: {
      requests: { due: 4, answered: 3, failed: 1, good: 2 },
      errors: new Map([["HTTP 429", 1]]),
      ...{
        firstTokenMs: latencyOf([10, 20]),
        tokenMs: latencyOf([1, 2, 3]),
        endToEndMs: latencyOf([30]),
        decodeTokensPerSecond: 250,
      },
    },
    rates: { tokensPerSecond, requestsPerSecond: 1.5, goodput: 1 },
    tokens: { prompt: 24, completion: 30, completionWanted: 30, promptMismatches: 0, uncounted: 0 },
    traffic: [],
    pulses: [{ seconds: 0.5, tokensPerSecond: 40, inFlight: 3 }],
    server: [sample(0.4, 9), sample(1.42, 2), sample(2.9, 4), sample(3.1, 9)],
    client: { processes: 1, cpuShare: 0.25, loopDelayP99Ms: 1.5, warning: undefined },
  };
}

const sample = (seconds: number, queue: number): Measurement["server"][number] => ({
  ...{ seconds, queue, running: 2, batch: 1.5, kvShare: 0.25, cpus: 1.5, residentBytes: 2 ** 27 },
});

function report(measurements: Measurement[], axis?: string): LoadReport {
  return {
    ...{ schemaVersion: 1, command: "load", version: "1.2.3", date: "2026-01-02T03:04:05.000Z", seed: 1 },
    machine: { cpu: "A & B", cores: 2, memoryBytes: 2 ** 33, node: "v20", loadAverage: 0.5 },
    scenario: {
      ...{ name: "interactive", about: "", traffic: ["8 clients: 128 tokens in, 64 out"], axis },
      slo: { firstTokenMs: 1000, tokenMs: 100, share: 0.95 },
    },
    measurements,
    saturation: [],
  };
}

test("a plot has one x for all of its lines, and no line of which nothing is known", () => {
  const lines = [
    {
      label: "a",
      color: 0,
      points: [
        [1, 10],
        [3, 30],
      ] as const,
    },
    {
      label: "b",
      color: 1,
      points: [
        [2, 20],
        [3, undefined],
      ] as const,
    },
    { label: "c", color: 2, points: [[2, undefined]] as const },
  ];
  expect(chartOf({ title: "t", xLabel: "s", yLabel: "ms" }, lines)).toEqual({
    ...{ title: "t", xLabel: "s", yLabel: "ms", x: [1, 2, 3], isLogarithmic: false },
    lines: [
      { label: "a", color: 0, values: [10, null, 30] },
      { label: "b", color: 1, values: [null, 20, null] },
    ],
  });
});

describe("the plots of a page", () => {
  test("go over the clients of a sweep, with a line for each report and target", () => {
    const sweep = (factor: number) =>
      report(
        [1, 8].flatMap((x) => [measurement({ x, tokensPerSecond: factor * x })]),
        "clients",
      );
    const charts = chartsOf([
      { name: "before", report: sweep(10) },
      { name: "after", report: sweep(20) },
    ]);
    expect(charts.find(({ title }) => title === "Tokens a second")).toEqual({
      ...{ title: "Tokens a second", xLabel: "clients", yLabel: "tokens/s", x: [1, 8], isLogarithmic: true },
      lines: [
        { label: "before: tgis", color: 0, values: [10, 80] },
        { label: "after: tgis", color: 1, values: [20, 160] },
      ],
    });
  });

  test("else go over percentiles and over time", () => {
    const charts = chartsOf([{ name: "one", report: report([measurement(), measurement({ api: "tgi" })]) }]);
    expect(charts.map(({ title, x, lines }) => [title, x.length, lines.map(({ label }) => label).join()])).toEqual([
      ["First token", 101, "tgis,tgi"],
      ["From one token to the next", 101, "tgis,tgi"],
      ["End to end", 101, "tgis,tgi"],
      ["Tokens a second", 1, "tgis,tgi"],
      ["Requests in flight", 1, "tgis,tgi"],
      ["Requests that wait in the server", 4, "tgis,tgi"],
      ["Requests that run in the server", 4, "tgis,tgi"],
      ["Sequences in a decode run", 4, "tgis,tgi"],
      ["KV cache in use", 4, "tgis,tgi"],
      ["CPUs in use by the server", 4, "tgis,tgi"],
      ["Resident memory of the server", 4, "tgis,tgi"],
    ]);
  });
});

describe("the page", () => {
  const open = async (...reports: LoadReport[]): Promise<string> =>
    renderPage(
      reports.map((each, index) => ({ name: `run ${index}`, report: each })),
      "dist",
    );

  test("needs nothing but itself, and has a place for each plot of its data", async () => {
    const page = await open(report([measurement()]));
    const [, data = ""] = /<script type="application\/json" id="charts">(.*?)<\/script>/.exec(page) ?? [];
    const charts = JSON.parse(data) as Chart[];
    expect(page.match(/<div class="chart">/g)).toHaveLength(charts.length);
    expect(page.match(/(?:src|href)\s*=\s*["']|@import|url\(/g)).toBeNull();
    expect(page.match(/<script/g)).toHaveLength(2);
  });

  test("takes names from outside as text", async () => {
    const page = await open(report([measurement()]));
    expect(page).toContain("&lt;/script&gt;&lt;b&gt;");
    expect(page).not.toContain("<b>");
  });

  test("compares each report with the first", async () => {
    const page = await open(report([measurement()]), report([measurement({ tokensPerSecond: 150 })]));
    const rows = Array.from(page.matchAll(/<th scope="row">(.*?)<\/th>(.*?)<\/tr>/g), ([, name = "", cells = ""]) => [
      name,
      ...Array.from(cells.matchAll(/<td>(.*?)<\/td>/g), ([, cell]) => cell),
    ]);
    expect(rows.slice(0, 2)).toEqual([
      ["run 0: tgis", "100.0", "250.0", "1.5", "1.0", "50%", "4", "1 × HTTP 429", "-", "-"],
      ["run 1: tgis", "150.0", "250.0", "1.5", "1.0", "50%", "4", "1 × HTTP 429", "1.50×", "1.00×"],
    ]);
  });
});

test("the summary has the figures, the server's of the measured time only", () => {
  const text = renderReport(report([measurement()]));
  expect(text).toMatch(/tgis +100\.0 +250\.0 +1\.5 +1\.0 +50% +4 +1 HTTP 429\n/);
  expect(text).toMatch(/tgis +15\.0 \/ 19\.0 \/ 19\.9 +2\.0 \/ 2\.8 \/ 3\.0 +30\.0 \/ 30\.0 \/ 30\.0\n/);
  expect(text).toMatch(/tgis +3\.0 +2\.0 +1\.5 +25 +1\.50 +128 +0\.25 +1\.5$/);
});

test("warnings say what a reader must know", () => {
  const clean = measurement();
  const warned = {
    ...clean,
    outcome: { ...clean.outcome, requests: { due: 0, answered: 0, failed: 0, good: 0 } },
    tokens: { ...clean.tokens, completion: 20, promptMismatches: 2, uncounted: 3 },
    client: { ...clean.client, warning: "busy" },
  };
  expect(warningsOf({ measurements: [clean] })).toEqual([]);
  expect(warningsOf({ measurements: [warned] })).toEqual([
    "tgis: busy",
    "tgis: no request was due within 2 s: measure for longer than a request takes (--seconds)",
    "tgis: the server counts other prompt tokens in 2 requests: is --tokenizer its own?",
    "tgis: the server did not count the tokens of 3 answers: their parts are counted instead",
    "tgis: texts ended early: 20 of 30 tokens",
  ]);
});

describe("a report's file", () => {
  test("is read back as it was written", () => {
    const { outcome, ...rest } = measurement({ x: 8 });
    const exact = { firstTokenMs: latencyOf([10]), tokenMs: latencyOf([0.125]), endToEndMs: undefined };
    const written = report([{ ...rest, outcome: { ...outcome, ...exact } }], "clients");
    expect(readReport(writeReport(written), "a.json")).toEqual(written);
  });

  test.each([
    ["no JSON", "{", /^a.json is no report of version 1: /],
    [
      "another version",
      writeReport({ ...report([]), schemaVersion: 2 }),
      /schemaVersion must be an integer in \[1, 1\], got 2/,
    ],
    ["something else", "{}", /schemaVersion is missing/],
  ])("that has %s is refused", (_, text, message) => {
    expect(() => readReport(text, "a.json")).toThrow(message);
  });
});
