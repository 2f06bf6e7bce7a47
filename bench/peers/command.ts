import { writeFile } from "node:fs/promises";
import path from "node:path";
import { parseArguments, positiveInteger } from "../arguments.js";
import { UsageError } from "../errors.js";
import { writeJson } from "../report.js";
import { peerUses } from "./catalogue.js";
import { measurePeers } from "./measure.js";
import { plotPeers } from "./plot.js";
import { renderPeersReport } from "./render.js";
import { fullScenario, smokeScenario } from "./scenario.js";

export const usage = `peers [--smoke] [--rounds N] [--only NAME...] [--no-install] [--json FILE] [--svg FILE] [--folder FOLDER]
    Our server beside other libraries on the same weights: decode, prefill, start, memory, and the machine's limits.
    Installs them in .cache/peers (some GB) when they are not there; what cannot be had is left out, with the reason.
    --smoke       a tiny model and one short round, with what is installed: whether the benchmark works
    --rounds      rounds over all of them (${fullScenario.rounds})
    --only        of these peers only; may be repeated
    --no-install  with what is installed
    --json        also write the report to this file
    --svg         also draw the decode rates into this file
    --folder      where the checkpoint is kept (.cache/bench)`;

/** @throws {UsageError} for a mistake on the command line. */
export async function run(args: readonly string[]): Promise<void> {
  const { smoke, rounds, only, json, svg, folder, install } = readOptions(args);
  const scenario = smoke ? smokeScenario : fullScenario;
  const options = {
    scenario: { ...scenario, rounds: rounds ?? scenario.rounds },
    checkpointFolder: folder,
    peersFolder: path.join(".cache", "peers"),
    mayInstall: install && !smoke,
    only,
  };
  const report = await measurePeers(options, (text) => void process.stderr.write(`${text}\n`));
  process.stdout.write(`${renderPeersReport(report)}\n`);
  if (json !== undefined) await writeJson(json, report);
  if (svg !== undefined) await writeFile(svg, plotPeers(report));
}

function readOptions(args: readonly string[]) {
  const { values } = parseArguments({
    args: [...args],
    allowNegative: true,
    options: {
      smoke: { type: "boolean", default: false },
      rounds: { type: "string" },
      only: { type: "string", multiple: true },
      install: { type: "boolean", default: true },
      json: { type: "string" },
      svg: { type: "string" },
      folder: { type: "string", default: path.join(".cache", "bench") },
    },
  });
  const names = new Set(peerUses.map(({ peer }) => peer));
  const unknown = values.only?.find((name) => !names.has(name));
  if (unknown !== undefined) {
    throw new UsageError(`--only ${unknown}: the peers are ${[...names].join(", ")}`);
  }
  return { ...values, rounds: positiveInteger("--rounds", values.rounds) };
}
