/** One request of a load test, with the text that comes back. */
import { performance } from "node:perf_hooks";
import type { Arrival } from "../engine/arrivals.js";
import { countArrivals, type Part } from "../load/client/recording.js";
import { decodeRate } from "../load/report/summarize.js";
import type { LoadRequest } from "../load/scenario/requests.js";
import type { Target } from "../load/targets/target.js";
import { summarize } from "../stats.js";
import type { Figures } from "./rounds.js";

export interface Answer {
  readonly text: string;
  /** Milliseconds count from when it was asked. */
  readonly arrivals: readonly Arrival[];
  readonly endMs: number;
}

/** A server that hangs must not hang the comparison. */
const mostMs = 300_000;

/** @throws {TargetError} when there is no whole answer. */
export async function ask(target: Target, request: LoadRequest): Promise<Answer> {
  const startMs = performance.now();
  const now = (): number => performance.now() - startMs;
  const parts: Part[] = [];
  let text = "";
  const onTokens = (tokens: number | undefined, more: string): void => {
    text += more;
    parts.push({ ms: now(), tokens });
  };
  const { completionTokens } = await target.generate(request, onTokens, AbortSignal.timeout(mostMs));
  const endMs = now();
  return { text, arrivals: countArrivals(parts, completionTokens, endMs), endMs };
}

/** Of answers to requests that were sent together. */
export function figuresOf(answers: readonly Answer[]): Figures {
  const tokens = answers.reduce((sum, { arrivals }) => sum + (arrivals.at(-1)?.tokens ?? 0), 0);
  const lastMs = Math.max(...answers.map(({ endMs }) => endMs));
  return new Map([
    ["decode of a stream: tokens/s", summarize(answers.flatMap(({ arrivals }) => decodeRate(arrivals) ?? []))?.median],
    ["with prefill: tokens/s", (1000 * tokens) / lastMs],
    ["first token: ms", summarize(answers.flatMap(({ arrivals }) => arrivals[0]?.ms ?? []))?.median],
  ]);
}
