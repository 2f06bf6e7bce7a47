/** Decode and prefill of an engine in this process: no wire, all else as in the server. */
import type { Loaded } from "../../src/servers.js";
import { firstTokenMs, steadyRate } from "../engine/arrivals.js";
import { EngineCalls, greedy } from "../engine/in-process.js";
import { makePrompts } from "../engine/prompts.js";
import { HarnessError } from "../errors.js";
import { summarize, type Summary } from "../stats.js";
import { SkippedError } from "./parts.js";
import { decodeRun, type GpuScenario } from "./scenario.js";

export interface DecodeRate {
  readonly streams: number;
  readonly tokensPerSecond: Summary;
  /** Of the median rate: a step gives one token to each stream. */
  readonly stepMs: number;
}

/**
 * Greedy streams, a round that does not count before the others.
 * @throws {SkippedError} when the memory has too few slots.
 * @throws {HarnessError} when a stream does not get its tokens.
 */
export async function measureDecode(
  { engine, model, capacity }: Loaded,
  scenario: GpuScenario,
  streams: number,
): Promise<DecodeRate> {
  if (capacity.slots < streams) throw new SkippedError(`the memory has room for ${capacity.slots} slots`);
  const { promptTokens, newTokens } = decodeRun(scenario, streams);
  const prompts = makePrompts(model.tokenizer, streams, promptTokens);
  const calls = new EngineCalls("engine", engine, greedy);
  const rates: number[] = [];
  for (let round = 0; round <= scenario.rounds; round += 1) {
    const rate = steadyRate((await calls.run({ prompts, newTokens })).arrivals);
    if (rate === undefined) throw new HarnessError(`${streams} streams never decoded all together`);
    if (round > 0) rates.push(rate);
  }
  const tokensPerSecond = summaryOf(rates);
  return { streams, tokensPerSecond, stepMs: (1000 * streams) / tokensPerSecond.median };
}

const prefills = 21;

/** Milliseconds from asking to the first token of one prompt, on an idle engine; one that does not count before. */
export async function measurePrefill({ engine, model }: Loaded, { prefillTokens }: GpuScenario): Promise<Summary> {
  const prompts = makePrompts(model.tokenizer, 1, prefillTokens);
  const calls = new EngineCalls("engine", engine, greedy);
  const times: number[] = [];
  for (let run = 0; run <= prefills; run += 1) {
    const ms = firstTokenMs((await calls.run({ prompts, newTokens: 2 })).arrivals);
    if (run > 0) times.push(ms);
  }
  return summaryOf(times);
}

function summaryOf(values: readonly number[]): Summary {
  const summary = summarize(values);
  if (summary === undefined) throw new HarnessError("nothing was measured");
  return summary;
}
