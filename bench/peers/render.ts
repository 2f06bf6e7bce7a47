import { renderRoofline } from "../roofline/render.js";
import { renderNumber, renderSummary, renderTable } from "../report.js";
import { nameOf } from "./contestant.js";
import type { PeersReport } from "./measure.js";

/** The report for people. Medians; in brackets the distance of the quartiles in per cent of it. */
export function renderPeersReport(report: PeersReport): string {
  return [
    renderHead(report),
    renderDecode(report),
    renderPrefill(report),
    renderStarts(report),
    renderAgreement(report),
    renderRoofline(report.roofline),
    renderSettings(report),
    renderLeftOut(report),
  ].join("\n\n");
}

function renderHead({ machine, scenario }: PeersReport): string {
  const { cpu, cores, node, ort, date, loadAverage } = machine;
  const { checkpoint, promptTokens, newTokens, rounds, threads } = scenario;
  return [
    `${cpu}, ${cores} cores; Node ${node}, ONNX Runtime ${ort}`,
    `${date}, load average before ${renderNumber(loadAverage, 2)}`,
    `${checkpoint.name}: prompts of ${promptTokens} tokens, ${newTokens} new tokens each, ${threads} threads, ${rounds} rounds`,
    "ours/peer: our server in the same class (float32, or fewer bits) over this one, in the same round",
  ].join("\n");
}

function renderDecode({ rows, scenario }: PeersReport): string {
  const tables = scenario.sequences.map((sequences) => {
    const cells = rows
      .filter((row) => row.sequences === sequences)
      .map((row) => [nameOf(row), renderSummary(row.tokensPerSecond), renderSummary(row.ratio, 2)]);
    return renderTable(`Decode, ${sequences} sequences together`, ["", "tokens/s", "ours/peer"], cells);
  });
  return tables.join("\n\n");
}

function renderPrefill({ prefill, scenario }: PeersReport): string {
  const rows = prefill.map((row) => [nameOf(row), renderSummary(row.tokensPerSecond, 0), renderSummary(row.ratio, 2)]);
  const title = `Prefill: a prompt of ${scenario.prefillTokens} tokens, until its first token`;
  return renderTable(title, ["", "tokens/s", "ours/peer"], rows);
}

function renderStarts({ starts, resident }: PeersReport): string {
  const rows = starts.map((row) => {
    const after = resident.find((other) => nameOf(other) === nameOf(row));
    return [nameOf(row), renderSummary(row.firstTokenMs, 0), mebibytes(row.residentBytes), mebibytes(after?.bytes)];
  });
  const header = ["", "first token, ms", "MiB then", "MiB after all"];
  return renderTable("From process start to the first token, and resident memory", header, rows);
}

function renderAgreement({ agreement }: PeersReport): string {
  const rows = agreement.map((row) => [nameOf(row), `${renderNumber(100 * row.sameSequences, 0)}%`]);
  return renderTable("Sequences with exactly the tokens of the first peer in float32", ["", "same"], rows);
}

function renderSettings({ starts }: PeersReport): string {
  const lines = starts.map((row) => `  ${nameOf(row)}: ${row.version}; ${row.settings}`);
  return ["Settings", ...lines].join("\n");
}

function renderLeftOut({ leftOut }: PeersReport): string {
  if (leftOut.length === 0) return "Nothing was left out.";
  return ["Left out", ...leftOut.map(({ contestant, reason }) => `  ${contestant}: ${reason}`)].join("\n");
}

function mebibytes(bytes: number | undefined): string {
  return bytes === undefined ? "-" : (bytes / 2 ** 20).toFixed(0);
}
