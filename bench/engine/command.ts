import path from "node:path";
import { parseArgs } from "node:util";
import { UsageError } from "../errors.js";
import { writeJson } from "../report.js";
import { measureEngine } from "./measure.js";
import { renderEngineReport } from "./render.js";
import { fullScenario, smokeScenario, type Scenario } from "./scenario.js";

export const usage = `engine [--smoke] [--rounds N] [--json FILE] [--folder FOLDER]
    The engine against a bare loop over its session: decode rates, first token, event loop, start, memory.
    --smoke    a tiny model and one short round of everything: whether the benchmark works
    --rounds   rounds over the decode variants (${fullScenario.rounds})
    --json     also write the report to this file
    --folder   where the checkpoint is kept (.cache/bench)`;

/** @throws {UsageError} for a mistake on the command line. */
export async function run(args: readonly string[]): Promise<void> {
  const { smoke, rounds, json, folder } = readOptions(args);
  const scenario: Scenario = smoke ? smokeScenario : fullScenario;
  const progress = (text: string): void => void process.stderr.write(`${text}\n`);
  const report = await measureEngine({ ...scenario, rounds: rounds ?? scenario.rounds }, folder, progress);
  process.stdout.write(`${renderEngineReport(report)}\n`);
  if (json !== undefined) await writeJson(json, report);
}

function readOptions(args: readonly string[]) {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        smoke: { type: "boolean", default: false },
        rounds: { type: "string" },
        json: { type: "string" },
        folder: { type: "string", default: path.join(".cache", "bench") },
      },
    });
    return { ...values, rounds: values.rounds === undefined ? undefined : readRounds(values.rounds) };
  } catch (error) {
    throw error instanceof UsageError ? error : new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function readRounds(text: string): number {
  const rounds = Number(text);
  if (!Number.isInteger(rounds) || rounds < 1)
    throw new UsageError(`--rounds must be an integer of at least 1, got ${text}`);
  return rounds;
}
