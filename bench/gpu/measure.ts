/** Everything that `bench gpu` measures, in order. */
import path from "node:path";
import { loadOptions } from "../../src/config/load.js";
import { settings } from "../../src/config/settings.js";
import { loadTokenizer } from "../../src/model/index.js";
import { loadOrtLibrary } from "../../src/ort/index.js";
import { randomCheckpoint } from "../checkpoint.js";
import { describeMachine } from "../machine.js";
import { measureApart } from "./apart-messages.js";
import { measureClients } from "./clients.js";
import { Parts } from "./parts.js";
import { measurePyTorch, type PyTorchRate } from "./pytorch.js";
import { reportOf, type GpuReport, type OurFigures } from "./report.js";
import type { GpuScenario } from "./scenario.js";
import { measureStarts } from "./start.js";

export interface GpuOptions {
  /** As `--device` has it. */
  readonly device: string;
  readonly scenario: GpuScenario;
  /** Where the checkpoint is, or will be. */
  readonly folder: string;
  /** Interpreter that may have PyTorch. */
  readonly python: string;
  readonly progress: (text: string) => void;
}

/** One run of the benchmark. */
interface Run extends Pick<GpuOptions, "scenario" | "folder"> {
  readonly parts: Parts;
  readonly checkpoint: string;
  /** Of the server, and of the engines without one. */
  readonly args: readonly string[];
}

/**
 * What fails is in the report, with its reason, and stops nothing else.
 * @throws {ConfigurationError} when there is no ONNX Runtime.
 */
export async function measureGpu({
  device: setting,
  scenario,
  folder,
  python,
  progress,
}: GpuOptions): Promise<GpuReport> {
  const checkpoint = path.join(folder, scenario.checkpoint.name);
  const args = serverArgs(checkpoint, setting, scenario);
  const { ortLibrary } = loadOptions({ table: settings, args }).values;
  const machine = describeMachine(loadOrtLibrary(ortLibrary === "" ? undefined : ortLibrary).version);
  const parts = new Parts(scenario.limits, progress);
  const run = { scenario, parts, folder, checkpoint, args };
  const device = await parts.measure("device", async (signal) =>
    measureApart({ kind: "device", args, scenario }, signal),
  );
  const ours = device === undefined ? undefined : await measureOurs(run);
  const pytorch = await measureAllPyTorch(run, setting, python);
  return reportOf({ machine, device, scenario, serverArgs: args, parts, ours, pytorch });
}

/**
 * Slots for all streams. Prompts come again in each round, and are to be computed each time, in whole chunks whatever
 * decodes beside them, so that streams which begin together soon decode together. The longest is one chunk.
 */
function serverArgs(checkpoint: string, device: string, { streams, prefillTokens }: GpuScenario): string[] {
  return [
    ...[`--model=${checkpoint}`, `--device=${device}`, `--max-slots=${Math.max(...streams)}`],
    ...["--request-timeout-seconds=0", "--prefix-cache-tokens=0", "--decode-slowdown=1000"],
    `--prefill-chunk-tokens=${prefillTokens}`,
  ];
}

async function measureOurs(run: Run): Promise<OurFigures> {
  const { scenario, parts, folder, checkpoint, args } = run;
  const { sizes, tokenizerFolder } = scenario.checkpoint;
  await parts.measure("checkpoint", async () => randomCheckpoint(checkpoint, sizes, tokenizerFolder));
  return {
    bandwidth: await parts.measure("bandwidth", async (signal) =>
      measureApart({ kind: "bandwidth", args, scenario }, signal),
    ),
    decode: await measureAllDecode(run),
    prefill: await parts.measure("prefill", async (signal) =>
      measureApart({ kind: "prefill", args, scenario }, signal),
    ),
    starts: await parts.measure("starts", async (signal) => measureStarts(args, folder, scenario, signal)),
    clients: await parts.measure("gRPC clients", async (signal) =>
      measureClients(args, await loadTokenizer(checkpoint), scenario, signal),
    ),
  };
}

async function measureAllDecode({ scenario, parts, args }: Run): Promise<OurFigures["decode"]> {
  const results = [];
  for (const streams of scenario.streams) {
    const result = await parts.measure(`decode at ${streams}`, async (signal) =>
      measureApart({ kind: "decode", args, scenario, streams }, signal),
    );
    if (result !== undefined) results.push(result);
  }
  return results;
}

async function measureAllPyTorch({ scenario, parts }: Run, device: string, python: string): Promise<PyTorchRate[]> {
  const rates: PyTorchRate[] = [];
  for (const streams of scenario.pytorchStreams) {
    const rate = await parts.measure(`PyTorch at ${streams}`, async (signal) =>
      measurePyTorch(scenario, streams, { python, device, signal }),
    );
    if (rate !== undefined) rates.push(rate);
  }
  return rates;
}
