import path from "node:path";
import { parseArguments, positiveInteger } from "../arguments.js";
import { fullScenario, smokeScenario, type Scenario } from "../engine/scenario.js";
import { HarnessError, UsageError } from "../errors.js";
import { madeCheckpoints } from "../load/made-checkpoint.js";
import { scenarioOf } from "../load/scenario/choose.js";
import { modelToServe } from "../load/servers.js";
import { writeJson } from "../report.js";
import { compareAnswers } from "./answers.js";
import { openBuild } from "./build.js";
import { compareBuilds, type Contenders } from "./measure.js";
import { renderAnswersReport, renderCompareReport } from "./render.js";

/** More than elsewhere: an interval wants values. */
const fullRounds = 15;
const smokeRounds = 2;

export const usage = `compare BASE HEAD [--smoke] [--rounds N] [--scenario NAME|FILE] [--checkpoint NAME] [--model PATH]
            [--server-arg ARG...] [--base-arg ARG...] [--head-arg ARG...] [--json FILE] [--folder FOLDER]
    Two servers side by side: git revisions, or folders with built programs such as dist; the same one twice to compare settings.
    --smoke       a tiny model and two short rounds: whether the benchmark works
    --rounds      rounds over both (${fullRounds})
    --scenario    ask what the clients of this load test ask, and fail when the two do not answer the same
    --checkpoint  with --scenario: ${madeCheckpoints.join(" or ")}, as \`load\` has them (the model that ships)
    --model       with --scenario: serve this model
    --server-arg  another argument of both servers, e.g. --server-arg=--threads=2; may be repeated
    --base-arg    of the one, e.g. --base-arg=--no-prompt-lookup
    --head-arg    of the other
    --json        also write the report to this file
    --folder      without --scenario: where the checkpoint is kept (.cache/bench)`;

type Options = ReturnType<typeof readOptions>;
type Progress = (text: string) => void;

/**
 * @throws {UsageError} for a mistake on the command line, or a revision that does not build.
 * @throws {HarnessError} when the two do not answer the same.
 */
export async function run(args: readonly string[]): Promise<void> {
  const options = readOptions(args);
  const progress: Progress = (text) => void process.stderr.write(`${text}\n`);
  progress(`building ${options.base} and ${options.head}`);
  await using baseBuild = await openBuild(options.base);
  await using headBuild = await openBuild(options.head);
  const contenders = {
    base: { build: baseBuild, args: [...options["server-arg"], ...options["base-arg"]] },
    head: { build: headBuild, args: [...options["server-arg"], ...options["head-arg"]] },
  };
  if (options.scenario === undefined) await compareSpeed(contenders, options, progress);
  else await compareOn(options.scenario, contenders, options, progress);
}

async function compareSpeed(contenders: Contenders, options: Options, progress: Progress): Promise<void> {
  const { smoke, rounds, folder, json } = options;
  const scenario: Scenario = smoke
    ? { ...smokeScenario, rounds: rounds ?? smokeRounds }
    : { ...fullScenario, rounds: rounds ?? fullRounds };
  const report = await compareBuilds(contenders, scenario, folder, progress);
  process.stdout.write(`${renderCompareReport(report)}\n`);
  if (json !== undefined) await writeJson(json, report);
}

async function compareOn(
  scenario: string,
  contenders: Contenders,
  options: Options,
  progress: Progress,
): Promise<void> {
  const { model, checkpoint, rounds, smoke, json } = options;
  const report = await compareAnswers(
    contenders,
    {
      scenario: scenarioOf(scenario),
      model: await modelToServe({ model, checkpoint }, "dist"),
      rounds: rounds ?? (smoke ? smokeRounds : fullRounds),
    },
    progress,
  );
  process.stdout.write(`${renderAnswersReport(report)}\n`);
  if (json !== undefined) await writeJson(json, report);
  if (report.differentAnswers > 0) throw new HarnessError(`${report.differentAnswers} answers differ`);
}

function readOptions(args: readonly string[]) {
  const { values, positionals } = parseArguments({
    args: [...args],
    allowPositionals: true,
    options: {
      smoke: { type: "boolean", default: false },
      rounds: { type: "string" },
      scenario: { type: "string" },
      checkpoint: { type: "string" },
      model: { type: "string" },
      "server-arg": { type: "string", multiple: true, default: [] },
      "base-arg": { type: "string", multiple: true, default: [] },
      "head-arg": { type: "string", multiple: true, default: [] },
      json: { type: "string" },
      folder: { type: "string", default: path.join(".cache", "bench") },
    },
  });
  const [base, head, ...others] = positionals;
  if (base === undefined || head === undefined || others.length > 0) {
    throw new UsageError("compare takes two builds: git revisions, or folders with built programs");
  }
  const { scenario, model } = values;
  if (scenario === undefined && (model !== undefined || values.checkpoint !== undefined))
    throw new UsageError("--model and --checkpoint are for --scenario");
  const rounds = positiveInteger("--rounds", values.rounds);
  return { ...values, base, head, rounds, checkpoint: readCheckpoint(values.checkpoint) };
}

function readCheckpoint(name: string | undefined): (typeof madeCheckpoints)[number] | undefined {
  const known = madeCheckpoints.find((each) => each === name);
  if (known === undefined && name !== undefined)
    throw new UsageError(`--checkpoint must be ${madeCheckpoints.join(" or ")}, got ${name}`);
  return known;
}
