import { renderNumber, renderSummary, renderTable } from "../report.js";
import type { ResidentMemory } from "../server-process.js";
import type { EngineReport } from "./measure.js";

/** The report for people. Medians; in brackets the distance of the quartiles in per cent of it. */
export function renderEngineReport(report: EngineReport): string {
  return [
    renderMachine(report),
    renderThroughput(report),
    renderFirstToken(report),
    renderLoopDelay(report),
    renderStartup(report),
    renderParts(report),
    renderMemory(report),
  ].join("\n\n");
}

function renderMachine({ machine, scenario }: EngineReport): string {
  const { cpu, cores, l2Cache, memoryBytes, node, ort, date, loadAverage } = machine;
  const { checkpoint, promptTokens, newTokens, rounds } = scenario;
  return [
    `${cpu}, ${cores} cores, L2 ${l2Cache ?? "unknown"}, ${mebibytes(memoryBytes)} MiB; Node ${node}, ONNX Runtime ${ort}`,
    `${date}, load average before ${renderNumber(loadAverage, 2)}`,
    `${checkpoint.name}: prompts of ${promptTokens} tokens, ${newTokens} new tokens each, ${rounds} rounds`,
  ].join("\n");
}

function renderThroughput({ throughput }: EngineReport): string {
  const rows = throughput.map(({ sequences, variant, tokensPerSecond, ratio, clientCpuShare }) => [
    variant,
    String(sequences),
    renderSummary(tokensPerSecond),
    renderSummary(ratio, 3),
    renderNumber(clientCpuShare, 2),
  ]);
  return renderTable("Decode, all sequences together", ["", "sequences", "tokens/s", "ratio", "client CPU"], rows);
}

function renderFirstToken({ firstToken }: EngineReport): string {
  const rows = firstToken.map(({ variant, ms, ratio }) => [variant, renderSummary(ms), renderSummary(ratio, 3)]);
  return renderTable("First token, idle", ["", "ms", "ratio"], rows);
}

function renderLoopDelay({ loopDelay }: EngineReport): string {
  const rows = loopDelay.map(({ variant, delay }) => [
    variant,
    ...[delay?.p50, delay?.p99, delay?.max].map((ms) => renderNumber(ms, 2)),
  ]);
  return renderTable("Event-loop delay while all decode, ms", ["", "p50", "p99", "max"], rows);
}

function renderStartup({ startup }: EngineReport): string {
  const rows = startup.map(({ model, wallMs, readyMs }) => [
    model,
    renderSummary(wallMs, 0),
    renderSummary(readyMs, 0),
  ]);
  return renderTable("Process start to the ready line, ms", ["", "seen from outside", "as it says"], rows);
}

function renderParts({ startup }: EngineReport): string {
  const names = Object.keys(startup[0]?.parts ?? {});
  const rows = names.map((name) => [name, ...startup.map(({ parts }) => renderNumber(parts[name]))]);
  return renderTable("What each part of a start takes alone, ms", ["", ...startup.map(({ model }) => model)], rows);
}

function renderMemory({ memory }: EngineReport): string {
  const rows = memory.flatMap(({ model, weightBytes, kvBytes, afterLoad, afterRun }) => [
    [`${model}, loaded`, ...renderResident(afterLoad), mebibytes(weightBytes), "-"],
    [`${model}, after the run`, ...renderResident(afterRun), mebibytes(weightBytes), mebibytes(kvBytes)],
  ]);
  const header = ["", "resident", "anonymous", "mapped", "weights", "KV in use"];
  return renderTable("Memory of the server, MiB", header, rows);
}

function renderResident(memory: ResidentMemory | undefined): string[] {
  return [memory?.total, memory?.anonymous, memory?.file].map((bytes) =>
    bytes === undefined ? "-" : mebibytes(bytes),
  );
}

function mebibytes(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(0);
}
