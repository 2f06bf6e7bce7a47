/** Whether the benchmarks work: each of those that need nothing but this checkout, on a tiny model, in seconds. */
import path from "node:path";
import * as compare from "./compare/command.js";
import * as engine from "./engine/command.js";
import * as gpu from "./gpu/command.js";
import { load } from "./load/bench-commands.js";
import * as start from "./start/command.js";

export const usage = `smoke
    A short run of engine, compare, start, gpu (on the CPU) and load on a tiny model: fails when a benchmark is broken, whatever the figures are`;

/** @throws {HarnessError} when something that was to be measured did not happen. */
export async function run(): Promise<void> {
  await engine.run(["--smoke"]);
  await compare.run(["dist", "dist", "--smoke"]);
  await start.run(["--smoke"]);
  await gpu.run(["--device=cpu", "--smoke", `--out=${path.join(".cache", "bench", "gpu-smoke")}`]);
  await load.run(["--smoke"]);
}
