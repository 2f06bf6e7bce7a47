import { renderNumber, renderSummary, renderTable } from "../report.js";
import { median } from "../stats.js";
import type { GpuReport } from "./report.js";

/** The report for people. */
export function renderGpuReport(report: GpuReport): string {
  return [
    renderHead(report),
    renderGoals(report),
    renderDecode(report),
    renderStarts(report),
    renderClients(report),
    renderLeftOut(report),
  ]
    .filter((section) => section !== "")
    .join("\n\n");
}

function renderHead({ machine, device, model, scenario, seconds }: GpuReport): string {
  const { memoryBytes } = device ?? {};
  const memory = memoryBytes === undefined ? "" : `, ${renderNumber(memoryBytes / 2 ** 30)} GiB`;
  const precision = model === undefined ? "not loaded" : `${model.dtype} weights, ${model.kvDtype} cache`;
  return [
    `${device?.name ?? "no device"}${memory}; ${machine.cpu}, ${machine.cores} cores`,
    `Node ${machine.node}, ONNX Runtime ${machine.ort}; ${machine.date}, took ${renderNumber(seconds, 0)} s`,
    `${scenario.checkpoint.name}, random weights: ${precision}${model === undefined ? "" : `, ${model.slots} slots`}`,
  ].join("\n");
}

function renderGoals({ goals }: GpuReport): string {
  if (goals.length === 0) return "";
  const rows = goals.map(({ what, goal, figure = "-", isMet }) => [what, figure, goal, verdictOf(isMet)]);
  return renderTable("Goals, for a GPU of the H200's class", ["", "figure", "goal", ""], rows);
}

function verdictOf(isMet: boolean | undefined): string {
  if (isMet === undefined) return "not measured";
  return isMet ? "met" : "missed";
}

function renderDecode({ decode, prefillMs, bandwidth, pytorch, scenario }: GpuReport): string {
  const rows = decode.map((row) => [
    String(row.streams),
    renderSummary(row.tokensPerSecond, 0),
    ...[row.stepMs, row.leastMs].map((ms) => renderNumber(ms, 3)),
    row.achieved === undefined ? "-" : `${renderNumber(100 * row.achieved, 0)}%`,
    renderNumber(row.pytorchMs, 3),
    renderNumber(row.toPytorch, 2),
  ]);
  const title = `Decode by streams, ${scenario.contextTokens} tokens of context, ms a step`;
  const header = ["", "tokens/s", "took", "least", "achieved", "PyTorch", "to PyTorch"];
  return [
    rows.length === 0 ? "Decode: not measured" : renderTable(title, header, rows),
    bandwidth &&
      `Least: weights and cache read once at ${renderNumber(bandwidth.bytesPerSecond / 1e9, 0)} GB/s (${bandwidth.operator})`,
    ...new Set(pytorch.map(({ version }) => version)),
    prefillMs && `Prefill of ${scenario.prefillTokens} tokens to the first token: ${renderSummary(prefillMs, 2)} ms`,
  ]
    .filter((line) => line !== undefined)
    .join("\n");
}

function renderStarts({ starts }: GpuReport): string {
  if (starts === undefined) return "";
  const { plain, cached } = starts;
  const rows = plain.parts.map(({ part, ms }, index) => [
    part,
    renderNumber(ms, 0),
    renderNumber(cached.parts[index]?.ms, 0),
  ]);
  const totals = [plain, cached].map(({ servingMs }) => renderNumber(median(servingMs), 0));
  const title = `Start to SERVING, ms: medians of ${plain.servingMs.length}`;
  return renderTable(title, ["", "plain", "from a weights cache"], [...rows, ["together", ...totals]]);
}

function renderClients({ clients }: GpuReport): string {
  if (clients === undefined) return "";
  const { tokensPerSecond, clients: count, processes, clientCpuShare, isClientBound } = clients;
  const busy = `the busiest of their ${processes} processes used ${renderNumber(100 * clientCpuShare, 0)}% of a core`;
  const limit = isClientBound ? ": the clients may be what limits" : "";
  return `${count} gRPC clients: ${renderNumber(tokensPerSecond, 0)} tokens/s; ${busy}${limit}`;
}

function renderLeftOut({ parts }: GpuReport): string {
  const left = parts.filter(({ outcome }) => outcome !== "measured");
  const lines = left.map(({ name, outcome, reason = "" }) => `  ${name}: ${outcome}, ${reason}`);
  return lines.length === 0 ? "" : ["Not measured", ...lines].join("\n");
}
