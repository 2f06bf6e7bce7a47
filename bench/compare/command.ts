import path from "node:path";
import { parseArguments, positiveInteger } from "../arguments.js";
import { fullScenario, smokeScenario, type Scenario } from "../engine/scenario.js";
import { UsageError } from "../errors.js";
import { renderNumber, renderSummary, renderTable, writeJson } from "../report.js";
import { openBuild } from "./build.js";
import { compareBuilds, type CompareReport, type CompareRow } from "./measure.js";

/** More than elsewhere: an interval wants values. */
const fullRounds = 15;
const smokeRounds = 2;

export const usage = `compare BASE HEAD [--smoke] [--rounds N] [--server-arg ARG...] [--json FILE] [--folder FOLDER]
    Two builds of the server side by side: git revisions, or folders with built programs such as dist.
    --smoke       a tiny model and two short rounds: whether the benchmark works
    --rounds      rounds over both (${fullRounds})
    --server-arg  another argument of both servers, e.g. --server-arg=--threads=2; may be repeated
    --json        also write the report to this file
    --folder      where the checkpoint is kept (.cache/bench)`;

/** @throws {UsageError} for a mistake on the command line, or a revision that does not build. */
export async function run(args: readonly string[]): Promise<void> {
  const { base, head, smoke, rounds, serverArgs, json, folder } = readOptions(args);
  const scenario: Scenario = smoke
    ? { ...smokeScenario, rounds: rounds ?? smokeRounds }
    : { ...fullScenario, rounds: rounds ?? fullRounds };
  const progress = (text: string): void => void process.stderr.write(`${text}\n`);
  progress(`building ${base} and ${head}`);
  await using baseBuild = await openBuild(base);
  await using headBuild = await openBuild(head);
  const report = await compareBuilds({ base: baseBuild, head: headBuild }, scenario, folder, serverArgs, progress);
  process.stdout.write(`${renderCompareReport(report)}\n`);
  if (json !== undefined) await writeJson(json, report);
}

function readOptions(args: readonly string[]) {
  const { values, positionals } = parseArguments({
    args: [...args],
    allowPositionals: true,
    options: {
      smoke: { type: "boolean", default: false },
      rounds: { type: "string" },
      "server-arg": { type: "string", multiple: true, default: [] },
      json: { type: "string" },
      folder: { type: "string", default: path.join(".cache", "bench") },
    },
  });
  const [base, head, ...others] = positionals;
  if (base === undefined || head === undefined || others.length > 0) {
    throw new UsageError("compare takes two builds: git revisions, or folders with built programs");
  }
  const rounds = positiveInteger("--rounds", values.rounds);
  return { ...values, base, head, rounds, serverArgs: values["server-arg"] };
}

function renderCompareReport({ machine, scenario, base, head, rows }: CompareReport): string {
  const { cpu, cores, date, loadAverage } = machine;
  return [
    `${cpu}, ${cores} cores; ${date}, load average before ${renderNumber(loadAverage, 2)}`,
    `base ${base}, head ${head}: ${scenario.checkpoint.name}, ${scenario.rounds} rounds`,
    renderTable("Head over base", ["", "base", "head", "ratio", "95% confidence"], rows.map(renderRow)),
  ].join("\n\n");
}

function renderRow({ figure, base, head, ratio, interval }: CompareRow): string[] {
  const range = interval && `${renderNumber(interval.lower, 3)} to ${renderNumber(interval.upper, 3)}`;
  return [figure, renderSummary(base), renderSummary(head), renderNumber(ratio, 3), range ?? "-"];
}
