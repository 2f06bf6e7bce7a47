/** Records of requests as the figures of a report. */
import { quantileOfSorted, summarize as summaryOf } from "../../stats.js";
import type { Arrival } from "../../engine/arrivals.js";
import type { RequestRecord } from "../client/messages.js";
import type { Slo } from "../scenario/scenario.js";
import type { Latency, Measurement, Outcome } from "./format.js";

/** Milliseconds since the start of the phase: [startMs, endMs). */
export interface Window {
  readonly startMs: number;
  readonly endMs: number;
}

type Figures = Pick<Measurement, "outcome" | "rates" | "tokens">;

/**
 * Latencies and errors are of the requests that were due in the window, wherever they ended. Rates count what happened
 * in the window, whichever request it belongs to: so neither leaves out what is slow.
 *
 * @param areWordsTokens whether prompts were made to have an exact number of tokens.
 */
export function summarizeRecords(
  records: readonly RequestRecord[],
  window: Window,
  slo: Slo,
  areWordsTokens: boolean,
): Figures {
  const due = records.filter(({ dueMs }) => isIn(window, dueMs));
  const seconds = (window.endMs - window.startMs) / 1000;
  const answeredInside = records.filter((record) => isAnswered(record) && isIn(window, record.endMs));
  const outcome = outcomeOf(due, slo);
  return {
    outcome,
    rates: {
      tokensPerSecond: sum(records.map((record) => tokensIn(window, record))) / seconds,
      requestsPerSecond: answeredInside.length / seconds,
      goodput: outcome.requests.good / seconds,
    },
    tokens: countTokens(due.filter(isAnswered), areWordsTokens),
  };
}

/** @param due requests that were due while it was measured. */
export function outcomeOf(due: readonly RequestRecord[], slo: Slo): Outcome {
  const answered = due.filter(isAnswered);
  const failed = due.filter((record) => !isAnswered(record));
  return {
    requests: {
      due: due.length,
      answered: answered.length,
      failed: failed.length,
      good: answered.filter((record) => isGood(record, slo)).length,
    },
    errors: countBy(failed.map(({ errorCode = "" }) => errorCode)),
    firstTokenMs: latencyOf(answered.flatMap((record) => firstTokenMs(record) ?? [])),
    tokenMs: latencyOf(answered.flatMap(gapsOf)),
    endToEndMs: latencyOf(answered.map(({ dueMs, endMs }) => endMs - dueMs)),
    decodeTokensPerSecond: summaryOf(answered.flatMap((record) => decodeRate(record.arrivals) ?? []))?.median,
  };
}

const isAnswered = ({ errorCode }: RequestRecord): boolean => errorCode === undefined;

const isIn = ({ startMs, endMs }: Window, ms: number): boolean => ms >= startMs && ms < endMs;

/** Undefined when there was no token. */
function firstTokenMs({ dueMs, arrivals }: RequestRecord): number | undefined {
  const first = arrivals[0];
  return first && first.ms - dueMs;
}

/**
 * Tokens after those of the first message over the time after it, in tokens a second: without queue and prefill.
 * @returns undefined when nothing came after it.
 */
export function decodeRate(arrivals: readonly Arrival[]): number | undefined {
  const [first, last] = [arrivals[0], arrivals.at(-1)];
  if (first === undefined || last === undefined || last.ms <= first.ms) return undefined;
  return (1000 * (last.tokens - first.tokens)) / (last.ms - first.ms);
}

/** The time from one token to the next; of n tokens that came together each has an n-th of the time. */
function gapsOf({ arrivals }: RequestRecord): number[] {
  return arrivals.flatMap(({ ms, tokens }, index) => {
    const before = arrivals[index - 1];
    if (before === undefined || tokens <= before.tokens) return [];
    const count = tokens - before.tokens;
    return Array.from({ length: count }, () => (ms - before.ms) / count);
  });
}

function isGood(record: RequestRecord, slo: Slo): boolean {
  const gaps = gapsOf(record);
  const mean = gaps.length === 0 ? 0 : sum(gaps) / gaps.length;
  return (firstTokenMs(record) ?? Infinity) <= slo.firstTokenMs && mean <= slo.tokenMs;
}

function tokensIn(window: Window, { arrivals }: RequestRecord): number {
  const inside = arrivals.map(({ ms, tokens }, index) =>
    isIn(window, ms) ? tokens - (arrivals[index - 1]?.tokens ?? 0) : 0,
  );
  return sum(inside);
}

function countTokens(answered: readonly RequestRecord[], areWordsTokens: boolean): Figures["tokens"] {
  const told = answered.flatMap(({ promptTokens }) => promptTokens ?? []);
  const isWrong = ({ promptTokens, wantedPromptTokens }: RequestRecord): boolean =>
    promptTokens !== undefined && promptTokens !== wantedPromptTokens;
  return {
    prompt: told.length === answered.length ? sum(told) : undefined,
    completion: sum(answered.map(({ arrivals }) => arrivals.at(-1)?.tokens ?? 0)),
    completionWanted: sum(answered.map(({ wantedTokens }) => wantedTokens)),
    promptMismatches: areWordsTokens ? answered.filter(isWrong).length : 0,
    uncounted: answered.filter(({ isCounted }) => !isCounted).length,
  };
}

/** Undefined for no values. */
export function latencyOf(values: readonly number[]): Latency | undefined {
  if (values.length === 0) return undefined;
  const sorted = Float64Array.from(values).sort();
  const at = (share: number): number => quantileOfSorted(sorted, share);
  const percentiles = Array.from({ length: 101 }, (_, percent) => at(percent / 100));
  const max = sorted.at(-1) ?? 0;
  return {
    count: sorted.length,
    mean: sum(sorted) / sorted.length,
    p50: at(0.5),
    p90: at(0.9),
    p99: at(0.99),
    max,
    percentiles,
  };
}

function countBy(names: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return counts;
}

function sum(values: Iterable<number>): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}
