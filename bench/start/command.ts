import { rm } from "node:fs/promises";
import path from "node:path";
import { loadTokenizer } from "../../src/model/index.js";
import { loadOrtLibrary } from "../../src/ort/index.js";
import { parseArguments, positiveInteger } from "../arguments.js";
import { makePrompts } from "../engine/prompts.js";
import { checkpointOf, fullScenario, smokeScenario, type Scenario } from "../engine/scenario.js";
import { HarnessError } from "../errors.js";
import { describeMachine, type MachineFacts } from "../machine.js";
import { renderNumber, renderSummary, renderTable, writeJson } from "../report.js";
import { measureStarts, type StartRow } from "./measure.js";
import { Minio } from "./minio.js";
import { startsOf, type StartModel } from "./ways.js";

const fullRounds = 7;
const shippedModel = path.join("models", "tiny");

export const usage = `start [--smoke] [--rounds N] [--minio BINARY] [--json FILE] [--folder FOLDER]
    From process start to the first token: model in a folder or in MinIO, caches empty or filled, float32 and int8.
    --smoke    a tiny model and one round: whether the benchmark works
    --rounds   rounds over all ways to start (${fullRounds})
    --minio    a MinIO server, as scripts/minio.sh gives one (MINIO_BINARY); without it those ways are left out
    --json     also write the report to this file
    --folder   where checkpoint, caches and MinIO's data are kept (.cache/bench)`;

interface StartReport {
  readonly command: "start";
  readonly machine: MachineFacts;
  readonly rounds: number;
  readonly promptTokens: number;
  readonly rows: readonly StartRow[];
}

/** @throws {UsageError} for a mistake on the command line. */
export async function run(args: readonly string[]): Promise<void> {
  const { smoke, rounds, minio: binary, json, folder } = readOptions(args);
  const scenario = smoke ? smokeScenario : { ...fullScenario, rounds: fullRounds };
  const progress = (text: string): void => void process.stderr.write(`${text}\n`);
  await using minio = binary === "" ? undefined : await Minio.start(binary, folder);
  if (minio === undefined) progress("no --minio: starts from a store are left out");
  const report = await measure({ ...scenario, rounds: rounds ?? scenario.rounds }, folder, minio, progress);
  process.stdout.write(`${render(report)}\n`);
  if (json !== undefined) await writeJson(json, report);
}

function readOptions(args: readonly string[]) {
  const { values } = parseArguments({
    args: [...args],
    options: {
      smoke: { type: "boolean", default: false },
      rounds: { type: "string" },
      minio: { type: "string", default: process.env["MINIO_BINARY"] ?? "" },
      json: { type: "string" },
      folder: { type: "string", default: path.join(".cache", "bench") },
    },
  });
  return { ...values, rounds: positiveInteger("--rounds", values.rounds) };
}

async function measure(
  scenario: Scenario,
  folder: string,
  minio: Minio | undefined,
  progress: (text: string) => void,
): Promise<StartReport> {
  const { rounds, promptTokens } = scenario;
  const machine = describeMachine(loadOrtLibrary().version);
  const folders = { shipped: shippedModel, [scenario.checkpoint.name]: await checkpointOf(scenario, folder) };
  const caches = path.join(folder, "start-caches");
  try {
    const models = Object.entries(folders).map(async ([name, at]) => modelAt(name, at, promptTokens, minio));
    const starts = (await Promise.all(models)).flatMap((model) => startsOf(model, caches));
    const rows = await measureStarts(starts, rounds, minio?.environment ?? {}, progress);
    return { command: "start", machine, rounds, promptTokens, rows };
  } finally {
    await rm(caches, { recursive: true, force: true });
  }
}

async function modelAt(
  name: string,
  folder: string,
  promptTokens: number,
  minio: Minio | undefined,
): Promise<StartModel> {
  const [prompt] = makePrompts(await loadTokenizer(folder), 1, promptTokens);
  if (prompt === undefined) throw new HarnessError(`no prompt for ${folder}`);
  return { name, folder, uri: await minio?.upload(folder, name), prompt };
}

function render({ machine, rounds, promptTokens, rows }: StartReport): string {
  const { cpu, cores, date, loadAverage } = machine;
  const title = `From process start: median (quartiles' distance) of ${rounds} rounds, ${promptTokens} prompt tokens`;
  const header = ["", "source", "precision", "caches", "ready, ms", "first token, ms"];
  const cells = rows.map(({ model, source, precision, caches, readyMs, firstTokenMs }) => [
    ...[model, source, precision, caches],
    ...[readyMs, firstTokenMs].map((summary) => renderSummary(summary, 0)),
  ]);
  const facts = `${cpu}, ${cores} cores; ${date}, load average before ${renderNumber(loadAverage, 2)}`;
  return [facts, renderTable(title, header, cells)].join("\n\n");
}
