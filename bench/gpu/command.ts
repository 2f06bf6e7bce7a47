import { writeFile } from "node:fs/promises";
import path from "node:path";
import { deviceName, parseArguments } from "../arguments.js";
import { HarnessError } from "../errors.js";
import { writeJson } from "../report.js";
import { measureGpu } from "./measure.js";
import { renderGpuReport } from "./render.js";
import { fullScenario, smokeScenario } from "./scenario.js";

export const usage = `gpu [--device cpu|cuda|cuda:N] [--smoke] [--out FOLDER] [--folder FOLDER] [--python PROGRAM]
    The server on a GPU beside its goals: decode, prefill, start, gRPC clients, the device's bandwidth, PyTorch.
    --device   what computes (cuda)
    --smoke    a tiny model and one short round of everything: whether the benchmark works
    --out      where bench-gpu.json and bench-gpu.txt go (.cache/gpu/results)
    --folder   where the checkpoint is kept (.cache/bench)
    --python   that may have PyTorch for CUDA (python3)`;

const options = {
  device: { type: "string", default: "cuda" },
  smoke: { type: "boolean", default: false },
  out: { type: "string", default: path.join(".cache", "gpu", "results") },
  folder: { type: "string", default: path.join(".cache", "bench") },
  python: { type: "string", default: "python3" },
} as const;

/**
 * What cannot be measured is left out with its reason, so that one visit to a GPU machine brings all that it can.
 * @throws {UsageError} for a mistake on the command line.
 * @throws {HarnessError} when the report is written and a part has failed.
 */
export async function run(args: readonly string[]): Promise<void> {
  const { device, smoke, out, ...others } = parseArguments({ args: [...args], options }).values;
  const report = await measureGpu({
    ...others,
    device: deviceName("--device", device),
    scenario: smoke ? smokeScenario : fullScenario,
    progress: (text) => void process.stderr.write(`${text}\n`),
  });
  const text = `${renderGpuReport(report)}\n`;
  process.stdout.write(text);
  await writeJson(path.join(out, "bench-gpu.json"), report);
  await writeFile(path.join(out, "bench-gpu.txt"), text);
  const failed = report.parts.flatMap(({ name, outcome }) => (outcome === "failed" ? [name] : []));
  if (failed.length > 0) throw new HarnessError(`failed: ${failed.join("; ")}`);
}
