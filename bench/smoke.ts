/** Whether the benchmarks work: each of those that need nothing but this checkout, on a tiny model, in seconds. */
import * as compare from "./compare/command.js";
import * as engine from "./engine/command.js";
import { load } from "./load/bench-commands.js";
import * as start from "./start/command.js";

export const usage = `smoke
    A short run of engine, compare, start and load on a tiny model: fails when a benchmark is broken, whatever the figures are`;

/** @throws {HarnessError} when something that was to be measured did not happen. */
export async function run(): Promise<void> {
  await engine.run(["--smoke"]);
  await compare.run(["dist", "dist", "--smoke"]);
  await start.run(["--smoke"]);
  await load.run(["--smoke"]);
}
