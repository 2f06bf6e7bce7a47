import { parseArguments, positiveInteger } from "../arguments.js";
import { gpt2Small } from "../checkpoint.js";
import { describeMachine } from "../machine.js";
import { writeJson } from "../report.js";
import { loadOrtLibrary } from "../../src/ort/index.js";
import { measureRoofline } from "./measure.js";
import { renderRoofline } from "./render.js";

export const usage = `roofline [--threads N] [--json FILE]
    What this machine could do at best: how fast it reads memory and multiplies, and the least time of a step.
    --threads  that compute (2)
    --json     also write the report to this file`;

const scenario = {
  checkpoint: { name: "gpt2-124m", sizes: gpt2Small },
  ...{ sequences: [1, 8, 32], promptTokens: 128, newTokens: 48, prefillTokens: 256 },
};

/** @throws {UsageError} for a mistake on the command line. */
export async function run(args: readonly string[]): Promise<void> {
  const options = { threads: { type: "string" }, json: { type: "string" } } as const;
  const { values } = parseArguments({ args: [...args], options });
  const machine = describeMachine(loadOrtLibrary().version);
  const threads = positiveInteger("--threads", values.threads) ?? 2;
  const roofline = await measureRoofline({ ...scenario, threads });
  process.stdout.write(`${renderRoofline(roofline)}\n`);
  if (values.json !== undefined) await writeJson(values.json, { command: "roofline", machine, ...roofline });
}
