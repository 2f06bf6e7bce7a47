/** Everything that `bench engine` measures, in order. */
import path from "node:path";
import { startEngine } from "../../src/assemble.js";
import { loadOptions } from "../../src/config/load.js";
import { settings } from "../../src/config/settings.js";
import { SessionRunner } from "../../src/engine/runner/session-runner.js";
import { loadTokenizer } from "../../src/model/index.js";
import { loadOrtLibrary } from "../../src/ort/library.js";
import { createLogger } from "../../src/telemetry/log.js";
import { describeMachine, type MachineFacts } from "../machine.js";
import { ServerProcess } from "../server-process.js";
import { BareLoop } from "./bare.js";
import { measureFirstToken, type FirstTokenRow } from "./first-token.js";
import { GrpcStreams } from "./grpc.js";
import { EngineCalls, greedy, sampled } from "./in-process.js";
import { measureOwnLoop, measureServerLoop, type LoopDelayRow } from "./loop-delay.js";
import { measureMemory, type MemoryRow } from "./memory.js";
import { modelFacts } from "./model-facts.js";
import { makePrompts } from "./prompts.js";
import { checkpointOf, type Scenario } from "./scenario.js";
import { measureStartup, type StartupRow } from "./startup.js";
import { measureThroughput, type ThroughputRow } from "./throughput.js";

export interface EngineReport {
  readonly command: "engine";
  readonly machine: MachineFacts;
  readonly scenario: Scenario;
  readonly throughput: readonly ThroughputRow[];
  readonly firstToken: readonly FirstTokenRow[];
  readonly loopDelay: readonly LoopDelayRow[];
  readonly startup: readonly StartupRow[];
  readonly memory: readonly MemoryRow[];
}

export type Progress = (text: string) => void;

const probe = new URL("./loop-delay-probe.js", import.meta.url).href;
const shippedModel = { name: "models/tiny", folder: path.join("models", "tiny") };

/**
 * @param cacheFolder where the checkpoint is, or will be.
 * @throws {HarnessError} when a variant does not give the tokens that it was asked for.
 */
export async function measureEngine(
  scenario: Scenario,
  cacheFolder: string,
  progress: Progress,
): Promise<EngineReport> {
  const machine = describeMachine(loadOrtLibrary().version);
  progress(`checkpoint ${scenario.checkpoint.name}`);
  const model = { name: scenario.checkpoint.name, folder: await checkpointOf(scenario, cacheFolder) };
  const processes = await measureProcesses([shippedModel, model], scenario, progress);
  const decoding = await measureDecoding(model.folder, scenario, progress);
  return { command: "engine", machine, scenario, ...decoding, ...processes };
}

/** What concerns a whole server: its start, and its memory. */
async function measureProcesses(
  models: readonly { readonly name: string; readonly folder: string }[],
  scenario: Scenario,
  progress: Progress,
): Promise<Pick<EngineReport, "startup" | "memory">> {
  const startup: StartupRow[] = [];
  const memory: MemoryRow[] = [];
  for (const { name, folder } of models) {
    progress(`start and memory: ${name}`);
    const args = await serverArgs(folder, mostSequences(scenario));
    const prompts = makePrompts(await loadTokenizer(folder), mostSequences(scenario), scenario.promptTokens);
    startup.push(await measureStartup(name, folder, args, scenario.starts));
    memory.push(await measureMemory(name, folder, args, prompts, scenario.newTokens));
  }
  return { startup, memory };
}

/** What concerns tokens: one engine here, a server with the same settings beside it, both on the same checkpoint. */
async function measureDecoding(folder: string, scenario: Scenario, progress: Progress) {
  const slots = mostSequences(scenario);
  const args = await serverArgs(folder, slots);
  const { values } = loadOptions({ table: settings, args });
  const { model, engine } = await startEngine(values, createLogger({ level: "error", format: "auto" }));
  const maxLength = engine.limits.maxSequenceLength;
  const runnerOptions = { slots, maxLength, maxPrefillTokens: maxLength, kvDtype: model.kvDtype };
  using runner = new SessionRunner(model.session, model.shape, runnerOptions);
  await using server = await ServerProcess.start({ args, preload: probe });
  await using streams = new GrpcStreams(server.port);

  const bare = new BareLoop(runner);
  const greedyCalls = new EngineCalls("engine, greedy", engine, greedy);
  const sampledCalls = new EngineCalls("engine, sampled", engine, sampled);
  const prompts = makePrompts(model.tokenizer, slots, scenario.promptTokens);
  const variants = [bare, greedyCalls, sampledCalls, streams];
  const throughput = await measureThroughput(variants, prompts, scenario, progress);
  progress("first token");
  const firstToken = await measureFirstToken([bare, greedyCalls, streams], prompts.slice(0, 1), scenario.firstTokens);
  progress("event-loop delay");
  const loopDelay = [
    await measureOwnLoop(greedyCalls, prompts, scenario.newTokens),
    await measureOwnLoop(sampledCalls, prompts, scenario.newTokens),
    await measureServerLoop(streams, server, prompts, scenario.newTokens),
  ];
  return { throughput, firstToken, loopDelay };
}

function mostSequences({ sequences }: Scenario): number {
  return Math.max(...sequences);
}

/**
 * The defaults, with as many slots as there are sequences whatever the machine's memory; for server and engine alike.
 * Prompts come again in each round, and are to be computed each time.
 */
async function serverArgs(folder: string, slots: number): Promise<string[]> {
  const { kvBytesPerToken, positions } = await modelFacts(folder);
  const kvMemory = slots * positions * kvBytesPerToken;
  return [
    `--model=${folder}`,
    `--max-slots=${slots}`,
    `--kv-memory=${kvMemory}`,
    "--request-timeout-seconds=0",
    "--prefix-cache-tokens=0",
  ];
}
