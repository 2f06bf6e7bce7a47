/** Runs of all contestants in turn, and what follows from them. */
import { setTimeout } from "node:timers/promises";
import { firstTokenMs, steadyRate } from "../engine/arrivals.js";
import type { Prompt } from "../engine/prompts.js";
import { rotated } from "../engine/variant.js";
import { HarnessError } from "../errors.js";
import { summarize, type Summary } from "../stats.js";
import { nameOf, type Contestant, type PrecisionClass, type RunningContestant } from "./contestant.js";
import { PeerError } from "./peer-process.js";
import { prefillNewTokens, type PeerScenario } from "./scenario.js";

/** A contestant that runs, and its measurements: one a round, in order. */
export interface Entry {
  readonly contestant: Contestant;
  readonly running: RunningContestant;
  /** Tokens a second in the steady window, by number of sequences. */
  readonly rates: ReadonlyMap<number, (number | undefined)[]>;
  readonly prefillMs: number[];
  /** Of the last run with the most sequences. */
  tokenIds: readonly (readonly number[])[] | undefined;
  /** Why it is out of the race. */
  failure: string | undefined;
}

export interface PeerRow {
  readonly peer: string;
  readonly precision: string;
  readonly precisionClass: PrecisionClass;
  readonly settings: string;
  readonly sequences: number;
  readonly tokensPerSecond: Summary | undefined;
  /** Ours of the same class over this one, in the same round: above 1 we are faster. */
  readonly ratio: Summary | undefined;
}

export type PrefillRow = Omit<PeerRow, "sequences"> & { readonly promptTokens: number };

/** Before each run: threads of the one before, in another process, still spin for work. OpenMP's do for 200 ms. */
const settleMs = 400;
const warmUpNewTokens = 8;

export function createEntry(contestant: Contestant, running: RunningContestant, scenario: PeerScenario): Entry {
  const rates = new Map(scenario.sequences.map((sequences) => [sequences, []]));
  return { contestant, running, rates, prefillMs: [], tokenIds: undefined, failure: undefined };
}

/**
 * `scenario.rounds` rounds, and one before the first that does not count. In a round every contestant runs once with
 * each number of sequences and prefills one prompt, in an order that rotates. A peer that fails is out from then on.
 * @param prompts as many as there are sequences at most.
 * @param prefillPrompts one for each round, all different: an answer must not come from a cache of prefixes.
 * @throws {HarnessError} when our own server fails.
 */
export async function runRounds(
  entries: readonly Entry[],
  prompts: readonly Prompt[],
  prefillPrompts: readonly Prompt[],
  scenario: PeerScenario,
  progress: (text: string) => void,
): Promise<void> {
  const inOrder = async (round: number, action: (entry: Entry) => Promise<void>): Promise<void> => {
    for (const index of rotated(entries.length, round)) {
      const entry = entries[index];
      if (entry === undefined || entry.failure !== undefined) continue;
      await setTimeout(settleMs);
      await attempt(entry, async () => action(entry));
    }
  };
  for (let round = 0; round <= scenario.rounds; round += 1) {
    progress(round === 0 ? "warm-up" : `round ${round} of ${scenario.rounds}`);
    for (const sequences of scenario.sequences) {
      await inOrder(round, async (entry) => measureDecode(entry, prompts.slice(0, sequences), scenario, round > 0));
    }
    await inOrder(round, async (entry) => measurePrefill(entry, prefillPrompts.slice(round, round + 1), round > 0));
  }
}

async function attempt(entry: Entry, action: () => Promise<void>): Promise<void> {
  try {
    await action();
  } catch (error) {
    if (!(error instanceof PeerError)) throw new HarnessError(`${nameOf(entry.contestant)}: ${String(error)}`);
    entry.failure = error.message;
  }
}

async function measureDecode(entry: Entry, prompts: readonly Prompt[], scenario: PeerScenario, counts: boolean) {
  const { arrivals, tokenIds } = await entry.running.run(prompts, counts ? scenario.newTokens : warmUpNewTokens);
  entry.tokenIds = tokenIds;
  if (counts) entry.rates.get(prompts.length)?.push(steadyRate(arrivals));
}

async function measurePrefill(entry: Entry, prompt: readonly Prompt[], counts: boolean): Promise<void> {
  const { arrivals } = await entry.running.run(prompt, prefillNewTokens);
  if (counts) entry.prefillMs.push(firstTokenMs(arrivals));
}

/** @param ours the entries of our own server. */
export function decodeRows(entries: readonly Entry[], ours: readonly Entry[]): PeerRow[] {
  return entries.flatMap((entry) =>
    [...entry.rates].map(([sequences, rates]) => ({
      ...described(entry),
      sequences,
      tokensPerSecond: summarize(rates.flatMap((rate) => rate ?? [])),
      ratio: ratioTo(oursOf(entry, ours)?.rates.get(sequences), rates),
    })),
  );
}

export function prefillRows(entries: readonly Entry[], ours: readonly Entry[], promptTokens: number): PrefillRow[] {
  const toRates = ({ prefillMs }: Entry): number[] => prefillMs.map((ms) => (1000 * promptTokens) / ms);
  return entries.map((entry) => {
    const own = oursOf(entry, ours);
    return {
      ...described(entry),
      promptTokens,
      tokensPerSecond: summarize(toRates(entry)),
      ratio: ratioTo(own && toRates(own), toRates(entry)),
    };
  });
}

function described({ contestant }: Entry) {
  const { peer, precision, precisionClass, settings } = contestant;
  return { peer, precision, precisionClass, settings };
}

function oursOf({ contestant }: Entry, ours: readonly Entry[]): Entry | undefined {
  return ours.find((own) => own.contestant.precisionClass === contestant.precisionClass);
}

function ratioTo(
  ours: readonly (number | undefined)[] | undefined,
  rates: readonly (number | undefined)[],
): Summary | undefined {
  const ratios = rates.flatMap((rate, round) => {
    const own = ours?.[round];
    return rate === undefined || own === undefined ? [] : [own / rate];
  });
  return summarize(ratios);
}

export interface AgreementRow {
  readonly peer: string;
  readonly precision: string;
  /** Share of sequences with exactly the reference's tokens. */
  readonly sameSequences: number;
}

/** How often the other peers gave the tokens of the first one in float32: whether they ran the same model. */
export function agreement(entries: readonly Entry[]): AgreementRow[] {
  const told = entries.filter(({ tokenIds }) => tokenIds !== undefined);
  const reference = told.find(({ contestant }) => contestant.precisionClass === "float32")?.tokenIds ?? [];
  return told.map(({ contestant: { peer, precision }, tokenIds = [] }) => {
    const same = reference.filter((ids, sequence) => ids.join() === tokenIds[sequence]?.join());
    return { peer, precision, sameSequences: same.length / reference.length };
  });
}
