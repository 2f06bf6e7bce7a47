/** Two builds of the server side by side on one checkpoint, in interleaved rounds. */
import { loadTokenizer } from "../../src/model/index.js";
import { loadOrtLibrary } from "../../src/ort/index.js";
import { firstTokenMs, steadyRate } from "../engine/arrivals.js";
import { GrpcStreams } from "../engine/grpc.js";
import { modelFacts } from "../engine/model-facts.js";
import { makePrompts, type Prompt } from "../engine/prompts.js";
import { checkpointOf, type Scenario } from "../engine/scenario.js";
import { describeMachine, type MachineFacts } from "../machine.js";
import { ServerProcess } from "../server-process.js";
import type { Build } from "./build.js";
import { runRounds, type CompareRow, type Side, type Trial } from "./rounds.js";

/** A build, and how it is started. */
export interface Contender {
  readonly build: Build;
  /** Arguments of `ortler serve`, besides the model. */
  readonly args: readonly string[];
}

export type Contenders = Readonly<Record<Side, Contender>>;

export interface CompareReport {
  readonly command: "compare";
  readonly machine: MachineFacts;
  readonly scenario: Scenario;
  readonly base: string;
  readonly head: string;
  readonly rows: readonly CompareRow[];
}

const firstTokenNewTokens = 4;

/** As reports name it: the build and what it was started with. */
export const nameOf = ({ build, args }: Contender): string => [build.name, ...args].join(" ");

/** @throws {HarnessError} when a server does not give its tokens. */
export async function compareBuilds(
  { base, head }: Contenders,
  scenario: Scenario,
  checkpointFolder: string,
  progress: (text: string) => void,
): Promise<CompareReport> {
  const machine = describeMachine(loadOrtLibrary().version);
  const folder = await checkpointOf(scenario, checkpointFolder);
  const sizes = await sizeArgs(folder, scenario);
  const start = async ({ build, args }: Contender): Promise<ServerProcess> =>
    ServerProcess.start({ args: [...sizes, ...args], programs: build.programs });
  await using baseServer = await start(base);
  await using headServer = await start(head);
  await using baseStreams = new GrpcStreams(baseServer.port);
  await using headStreams = new GrpcStreams(headServer.port);
  const tokenizer = await loadTokenizer(folder);
  const trials = trialsOf(scenario, { base: baseStreams, head: headStreams }, (count) =>
    makePrompts(tokenizer, count, scenario.promptTokens),
  );
  const rows = await runRounds(trials, scenario.rounds, progress);
  return { command: "compare", machine, scenario, base: nameOf(base), head: nameOf(head), rows };
}

function trialsOf(
  { sequences, newTokens, rounds }: Scenario,
  streams: Readonly<Record<Side, GrpcStreams>>,
  prompts: (count: number) => readonly Prompt[],
): Trial[] {
  const most = Math.max(...sequences);
  const all = prompts(most + rounds + 1);
  const decode = sequences.map((count): Trial => async (side) => {
    const { arrivals } = await streams[side].run({ prompts: all.slice(0, count), newTokens });
    return new Map([[`decode, ${count} sequences: tokens/s`, steadyRate(arrivals)]]);
  });
  const firstToken: Trial = async (side, round) => {
    const prompt = all.slice(most + round, most + round + 1); // no server has its prefix in a cache
    const { arrivals } = await streams[side].run({ prompts: prompt, newTokens: firstTokenNewTokens });
    return new Map([["first token of a new prompt: ms", firstTokenMs(arrivals)]]);
  };
  return [...decode, firstToken];
}

/** A slot for each sequence, whatever the machine's memory. */
async function sizeArgs(folder: string, { sequences }: Scenario): Promise<string[]> {
  const { kvBytesPerToken, positions } = await modelFacts(folder);
  const slots = Math.max(...sequences);
  const kvMemory = slots * positions * kvBytesPerToken;
  return [`--model=${folder}`, `--max-slots=${slots}`, `--kv-memory=${kvMemory}`, "--request-timeout-seconds=0"];
}
