/** Two builds of the server side by side on one checkpoint, in interleaved rounds. */
import { setTimeout } from "node:timers/promises";
import { loadTokenizer } from "../../src/model/index.js";
import { loadOrtLibrary } from "../../src/ort/index.js";
import { firstTokenMs, steadyRate } from "../engine/arrivals.js";
import { GrpcStreams } from "../engine/grpc.js";
import { modelFacts } from "../engine/model-facts.js";
import { makePrompts, type Prompt } from "../engine/prompts.js";
import { checkpointOf, type Scenario } from "../engine/scenario.js";
import { describeMachine, type MachineFacts } from "../machine.js";
import { ServerProcess } from "../server-process.js";
import { median, summarize, type Summary } from "../stats.js";
import { medianInterval, type Interval } from "./bootstrap.js";
import type { Build } from "./build.js";

export interface CompareRow {
  /** What was measured, with its unit. */
  readonly figure: string;
  readonly base: Summary | undefined;
  readonly head: Summary | undefined;
  /** Median over the rounds of head / base. */
  readonly ratio: number | undefined;
  /** 95% confidence of that median. */
  readonly interval: Interval | undefined;
}

export interface CompareReport {
  readonly command: "compare";
  readonly machine: MachineFacts;
  readonly scenario: Scenario;
  readonly base: string;
  readonly head: string;
  readonly rows: readonly CompareRow[];
}

type Side = "base" | "head";

/** A figure's values, one a round, by build. */
type Samples = Readonly<Record<Side, (number | undefined)[]>>;

/** Before each run: the other server's threads still spin for work. */
const settleMs = 100;
const firstTokenNewTokens = 4;

/**
 * @param serverArgs of both, besides the model.
 * @throws {HarnessError} when a server does not give its tokens.
 */
export async function compareBuilds(
  builds: Readonly<Record<Side, Build>>,
  scenario: Scenario,
  checkpointFolder: string,
  serverArgs: readonly string[],
  progress: (text: string) => void,
): Promise<CompareReport> {
  const machine = describeMachine(loadOrtLibrary().version);
  const folder = await checkpointOf(scenario, checkpointFolder);
  const args = [...(await sizeArgs(folder, scenario)), ...serverArgs];
  await using baseServer = await ServerProcess.start({ args, programs: builds.base.programs });
  await using headServer = await ServerProcess.start({ args, programs: builds.head.programs });
  await using base = new GrpcStreams(baseServer.port);
  await using head = new GrpcStreams(headServer.port);
  const tokenizer = await loadTokenizer(folder);
  const figures = figuresOf(scenario, (count) => makePrompts(tokenizer, count, scenario.promptTokens));
  const samples = await runRounds(figures, { base, head }, scenario.rounds, progress);
  const rows = [...samples].map(([figure, values]) => toRow(figure, values));
  return { command: "compare", machine, scenario, base: builds.base.name, head: builds.head.name, rows };
}

type Figure = (streams: GrpcStreams, round: number) => Promise<number | undefined>;

function figuresOf(scenario: Scenario, prompts: (count: number) => readonly Prompt[]): Map<string, Figure> {
  const { sequences, newTokens, rounds } = scenario;
  const most = Math.max(...sequences);
  const all = prompts(most + rounds + 1);
  const figures = new Map<string, Figure>();
  for (const count of sequences) {
    figures.set(`decode, ${count} sequences: tokens/s`, async (streams) =>
      steadyRate((await streams.run({ prompts: all.slice(0, count), newTokens })).arrivals),
    );
  }
  figures.set("first token of a new prompt: ms", async (streams, round) => {
    const prompt = all.slice(most + round, most + round + 1); // no server has its prefix in a cache
    return firstTokenMs((await streams.run({ prompts: prompt, newTokens: firstTokenNewTokens })).arrivals);
  });
  return figures;
}

/** Each round takes every figure of both builds, one right after the other; who is first changes. Round 0 warms up. */
async function runRounds(
  figures: ReadonlyMap<string, Figure>,
  streams: Readonly<Record<Side, GrpcStreams>>,
  rounds: number,
  progress: (text: string) => void,
): Promise<Map<string, Samples>> {
  const samples = new Map<string, Samples>();
  for (const figure of figures.keys()) samples.set(figure, { base: [], head: [] });
  for (let round = 0; round <= rounds; round += 1) {
    progress(round === 0 ? "warm-up" : `round ${round} of ${rounds}`);
    for (const [name, figure] of figures) {
      for (const side of round % 2 === 0 ? (["base", "head"] as const) : (["head", "base"] as const)) {
        await setTimeout(settleMs);
        const value = await figure(streams[side], round);
        if (round > 0) samples.get(name)?.[side].push(value);
      }
    }
  }
  return samples;
}

function toRow(figure: string, { base, head }: Samples): CompareRow {
  const ratios = head.flatMap((value, round) => {
    const other = base[round];
    return value === undefined || other === undefined ? [] : [value / other];
  });
  const known = (values: readonly (number | undefined)[]): number[] => values.flatMap((value) => value ?? []);
  return {
    figure,
    base: summarize(known(base)),
    head: summarize(known(head)),
    ratio: ratios.length === 0 ? undefined : median(ratios),
    interval: medianInterval(ratios),
  };
}

/** A slot for each sequence, whatever the machine's memory. */
async function sizeArgs(folder: string, { sequences }: Scenario): Promise<string[]> {
  const { kvBytesPerToken, positions } = await modelFacts(folder);
  const slots = Math.max(...sequences);
  const kvMemory = slots * positions * kvBytesPerToken;
  return [`--model=${folder}`, `--max-slots=${slots}`, `--kv-memory=${kvMemory}`, "--request-timeout-seconds=0"];
}
