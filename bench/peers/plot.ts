/** Decode rates of all ways as one picture (SVG), readable on light and dark pages. */
import { nameOf } from "./contestant.js";
import type { PeersReport } from "./measure.js";

/** What the picture shows of a report. */
export type PlottedReport = Pick<PeersReport, "rows" | "scenario">;

const rowHeight = 20;
const nameWidth = 190;
const panelWidth = 190;
const panelGap = 20;
const head = 44;
/** Room for the number behind the longest bar. */
const numberWidth = 48;

const style = `
  text { font: 12px system-ui, sans-serif; fill: #24292f }
  .title { font-weight: 600 }
  .number { fill: #57606a }
  .theirs { fill: #afb8c1 }
  .ours { fill: #0969da }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 }
    .number { fill: #9198a1 }
    .theirs { fill: #545d68 }
    .ours { fill: #4493f8 }
  }`;

/** One panel for each number of sequences, one bar for each way: medians of tokens a second. */
export function plotPeers({ rows, scenario }: PlottedReport): string {
  const names = [...new Set(rows.map(nameOf))];
  const width = nameWidth + scenario.sequences.length * (panelWidth + panelGap);
  const height = head + names.length * rowHeight + 8;
  const labels = names.map((name, index) => text(nameWidth - 8, baseline(index), name, { anchor: "end" }));
  const panels = scenario.sequences.map((sequences, index) => {
    const left = nameWidth + index * (panelWidth + panelGap);
    return plotPanel(rows, sequences, { names, left });
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">`,
    `<title>Tokens a second of each server or library, by the number of sequences that decode together</title>`,
    `<style>${style}\n</style>`,
    ...labels,
    ...panels,
    "</svg>\n",
  ].join("\n");
}

interface Panel {
  readonly names: readonly string[];
  readonly left: number;
}

function plotPanel(rows: PlottedReport["rows"], sequences: number, { names, left }: Panel): string {
  const shown = rows.flatMap((row) => {
    const { tokensPerSecond } = row; // undefined where it could not be measured: no bar
    return row.sequences === sequences && tokensPerSecond !== undefined ? [{ ...row, ...tokensPerSecond }] : [];
  });
  const most = Math.max(...shown.map(({ median }) => median));
  const bars = shown.flatMap((row) => {
    const { median } = row;
    const index = names.indexOf(nameOf(row));
    const length = Math.max(1, ((panelWidth - numberWidth) * median) / most);
    const kind = row.peer === "ortler" ? "ours" : "theirs";
    const y = head + index * rowHeight + 3;
    return [
      `<rect class="${kind}" x="${left}" y="${y}" width="${length.toFixed(1)}" height="${rowHeight - 6}" rx="2"/>`,
      text(left + length + 5, baseline(index), median.toFixed(0), { kind: "number" }),
    ];
  });
  const title = sequences === 1 ? "1 sequence" : `${sequences} sequences`;
  return [text(left, 16, title, { kind: "title" }), text(left, 32, "tokens/s", { kind: "number" }), ...bars].join("\n");
}

const baseline = (index: number): number => head + index * rowHeight + rowHeight - 6;

interface TextOptions {
  readonly anchor?: "start" | "end";
  readonly kind?: "title" | "number";
}

function text(x: number, y: number, content: string, { anchor = "start", kind }: TextOptions): string {
  const attributes = [`x="${x.toFixed(1)}"`, `y="${y}"`, `text-anchor="${anchor}"`];
  if (kind !== undefined) attributes.push(`class="${kind}"`);
  return `<text ${attributes.join(" ")}>${content}</text>`;
}
