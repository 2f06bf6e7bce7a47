/** Everything that `bench peers` measures, in order. */
import path from "node:path";
import { randomCheckpoint } from "../checkpoint.js";
import { makePrompts, type Prompt } from "../engine/prompts.js";
import { describeMachine, type MachineFacts } from "../machine.js";
import { measureRoofline, type RooflineReport } from "../roofline/measure.js";
import { loadTokenizer } from "../../src/model/index.js";
import { loadOrtLibrary } from "../../src/ort/index.js";
import { peerUses, toContestant } from "./catalogue.js";
import { nameOf, type Contestant } from "./contestant.js";
import { PeerFolder } from "./install.js";
import { ourContestants } from "./ours.js";
import { PeerError } from "./peer-process.js";
import {
  agreement,
  createEntry,
  decodeRows,
  prefillRows,
  runRounds,
  type AgreementRow,
  type Entry,
  type PeerRow,
  type PrefillRow,
} from "./rounds.js";
import { mostSequences, type PeerScenario } from "./scenario.js";
import { measureStarts, type StartRow } from "./starts.js";

export interface PeersReport {
  readonly command: "peers";
  readonly machine: MachineFacts;
  readonly scenario: PeerScenario;
  /** Decode. */
  readonly rows: readonly PeerRow[];
  readonly prefill: readonly PrefillRow[];
  readonly starts: readonly StartRow[];
  /** After all rounds; undefined where the system has no /proc. */
  readonly resident: readonly ResidentRow[];
  readonly agreement: readonly AgreementRow[];
  readonly roofline: RooflineReport;
  readonly leftOut: readonly LeftOut[];
}

export interface ResidentRow {
  readonly peer: string;
  readonly precision: string;
  readonly bytes: number | undefined;
}

export interface LeftOut {
  readonly contestant: string;
  readonly reason: string;
}

export interface PeerOptions {
  readonly scenario: PeerScenario;
  /** Where the checkpoint is, or will be. */
  readonly checkpointFolder: string;
  /** Where peers are installed, or will be. */
  readonly peersFolder: string;
  readonly mayInstall: boolean;
  /** Names of peers; undefined = all. */
  readonly only: readonly string[] | undefined;
}

type Progress = (text: string) => void;

/** @throws {HarnessError} when our own server does not give its tokens. */
export async function measurePeers(options: PeerOptions, progress: Progress): Promise<PeersReport> {
  const { scenario } = options;
  const machine = describeMachine(loadOrtLibrary().version);
  const { name, sizes, tokenizerFolder } = scenario.checkpoint;
  const folder = path.resolve(
    await randomCheckpoint(path.join(options.checkpointFolder, name), sizes, tokenizerFolder),
  );
  const ours = ourContestants(folder, scenario);
  const leftOut: LeftOut[] = [];
  const peers = await preparePeers(folder, options, leftOut, progress);
  const prompts = await promptsFor(folder, scenario);
  const { starts, started } = await startAll([...ours, ...peers], prompts.decode, scenario, leftOut, progress);
  const { entries, resident } = await race(started, prompts, scenario, progress);
  for (const { contestant, failure } of entries) {
    if (failure !== undefined) leftOut.push({ contestant: nameOf(contestant), reason: failure });
  }
  const finished = entries.filter(({ failure }) => failure === undefined);
  const own = finished.filter(({ contestant }) => ours.includes(contestant));
  progress("roofline");
  const rows = decodeRows(finished, own);
  return {
    ...{ command: "peers", machine, scenario, rows, starts, resident, leftOut },
    prefill: prefillRows(finished, own, scenario.prefillTokens),
    agreement: agreement(finished),
    roofline: await measureRoofline(scenario, rows),
  };
}

/** Those that can be had; the others are said. */
async function preparePeers(
  folder: string,
  { scenario, peersFolder, mayInstall, only }: PeerOptions,
  leftOut: LeftOut[],
  progress: Progress,
): Promise<Contestant[]> {
  const peerFolder = new PeerFolder(peersFolder, mayInstall, progress);
  await peerFolder.prepare();
  const checkpoint = { folder, name: scenario.checkpoint.name, sizes: scenario.checkpoint.sizes };
  const wanted = peerUses.filter(({ peer }) => only === undefined || only.includes(peer));
  const contestants = wanted.map((use) => toContestant(use, peerFolder, checkpoint, scenario));
  const prepared: Contestant[] = [];
  for (const contestant of contestants) {
    progress(`preparing ${nameOf(contestant)}`);
    const reason = await reasonAgainst(async () => contestant.prepare());
    if (reason === undefined) prepared.push(contestant);
    else leftOut.push({ contestant: nameOf(contestant), reason });
  }
  return prepared;
}

interface Prompts {
  readonly decode: readonly Prompt[];
  readonly prefill: readonly Prompt[];
}

/** No prompt for prefill begins like one for decode: those come after them in the same row. */
async function promptsFor(folder: string, scenario: PeerScenario): Promise<Prompts> {
  const tokenizer = await loadTokenizer(folder);
  const most = mostSequences(scenario);
  const all = makePrompts(tokenizer, most + scenario.rounds + 1, scenario.prefillTokens);
  return { decode: makePrompts(tokenizer, most, scenario.promptTokens), prefill: all.slice(most) };
}

/** Each alone, in fresh processes: its start, and whether it works at all. */
async function startAll(
  contestants: readonly Contestant[],
  prompts: readonly Prompt[],
  scenario: PeerScenario,
  leftOut: LeftOut[],
  progress: Progress,
): Promise<{ readonly starts: StartRow[]; readonly started: Contestant[] }> {
  const starts: StartRow[] = [];
  const started: Contestant[] = [];
  for (const contestant of contestants) {
    progress(`starting ${nameOf(contestant)}`);
    const reason = await reasonAgainst(async () => {
      starts.push(await measureStarts(contestant, prompts.slice(0, 1), scenario.starts));
    });
    if (reason === undefined) started.push(contestant);
    else leftOut.push({ contestant: nameOf(contestant), reason });
  }
  return { starts, started };
}

/** @returns why a peer cannot take part. Any other error is the harness's own. */
async function reasonAgainst(action: () => Promise<void>): Promise<string | undefined> {
  try {
    await action();
    return undefined;
  } catch (error) {
    if (error instanceof PeerError) return error.message;
    throw error;
  }
}

/** All of them loaded at the same time, so that rounds can be interleaved. */
async function race(
  contestants: readonly Contestant[],
  prompts: Prompts,
  scenario: PeerScenario,
  progress: Progress,
): Promise<{ readonly entries: Entry[]; readonly resident: ResidentRow[] }> {
  const entries: Entry[] = [];
  try {
    for (const contestant of contestants) entries.push(createEntry(contestant, await contestant.start(), scenario));
    await runRounds(entries, prompts.decode, prompts.prefill, scenario, progress);
    const resident = entries.map(({ contestant: { peer, precision }, running }) => ({
      ...{ peer, precision },
      bytes: running.residentBytes(),
    }));
    return { entries, resident };
  } finally {
    for (const { running } of entries) await running[Symbol.asyncDispose]();
  }
}
