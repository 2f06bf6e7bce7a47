/** Reports as one page that needs nothing else: its styles, its script and its data are in it. */
import { readFile } from "node:fs/promises";
import path from "node:path";
import { renderNumber } from "../../report.js";
import { warningsOf } from "../report/warnings.js";
import { chartsOf, type NamedReport } from "./charts.js";
import { embedJson, escapeHtml } from "./html.js";
import { renderTables } from "./tables.js";

export type { NamedReport } from "./charts.js";

/** @param programs folder of the built programs, which has `report-page.js` and `report-page.css`. */
export async function renderPage(reports: readonly NamedReport[], programs: string): Promise<string> {
  const read = async (name: string): Promise<string> => readFile(path.join(programs, name), "utf8");
  const [script, styles] = await Promise.all([read("report-page.js"), read("report-page.css")]);
  const charts = chartsOf(reports);
  const figures = charts.map(({ title, yLabel }) => {
    const caption = `${escapeHtml(title)} <small>${escapeHtml(yLabel)}</small>`;
    return `<figure><figcaption>${caption}</figcaption><div class="chart"></div></figure>`;
  });
  const title = `Load test: ${[...new Set(reports.map(({ report }) => report.scenario.name))].join(", ")}`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escapeHtml(title)}</title>
<style>${styles}</style>
</head>
<body>
<h1>${escapeHtml(title)}</h1>
${reports.map((named) => renderHead(named, reports.length > 1)).join("\n")}
${renderWarnings(reports)}
${renderTables(reports)}
<div class="charts">
${figures.join("\n")}
</div>
<script type="application/json" id="charts">${embedJson(charts)}</script>
<script>${script}</script>
</body>
</html>
`;
}

function renderHead({ name, report }: NamedReport, isNamed: boolean): string {
  const { scenario, machine, version, date, seed, measurements, saturation } = report;
  const { firstTokenMs, tokenMs, share } = scenario.slo;
  const servers = [
    ...new Set(measurements.map(({ target }) => `${target.name} at ${target.address} (${target.modelId})`)),
  ];
  const [first] = measurements;
  const facts: (readonly [string, string])[] = [
    ["Scenario", [scenario.about, ...scenario.traffic].filter((text) => text !== "").join("; ")],
    ["Measured", `${first?.seconds ?? 0} s after ${first?.warmUpSeconds ?? 0} s of warm-up, seed ${seed}`],
    [
      "Objective",
      `first token within ${firstTokenMs} ms, tokens ${tokenMs} ms apart on average, for ${100 * share}% of requests`,
    ],
    ["Servers", servers.join("; ")],
    [
      "Clients",
      `${machine.cpu}, ${machine.cores} cores, Node ${machine.node}, load average before ${machine.loadAverage.toFixed(2)}`,
    ],
    ["Run", `Ortler ${version}, ${date}`],
    ...saturation.map(
      ({ target, perSecond }) =>
        [
          "Saturation",
          `${target}: ${perSecond === undefined ? "no rate meets the objective" : `${renderNumber(perSecond, 2)} requests/s`}`,
        ] as const,
    ),
  ];
  const list = facts.map(([term, text]) => `<dt>${term}</dt><dd>${escapeHtml(text)}</dd>`).join("\n");
  return `${isNamed ? `<h2>${escapeHtml(name)}</h2>` : ""}<dl>${list}</dl>`;
}

function renderWarnings(reports: readonly NamedReport[]): string {
  const warnings = reports.flatMap(({ name, report }) =>
    warningsOf(report).map((warning) => (reports.length === 1 ? warning : `${name}: ${warning}`)),
  );
  if (warnings.length === 0) return "";
  return `<ul class="warnings">${warnings.map((text) => `<li>${escapeHtml(text)}</li>`).join("")}</ul>`;
}
