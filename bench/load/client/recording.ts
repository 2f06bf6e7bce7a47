/** Follows one request, and counts along. */
import { performance } from "node:perf_hooks";
import type { Arrival } from "../../engine/arrivals.js";
import type { LoadRequest } from "../scenario/requests.js";
import { TargetError, timeoutCode, type Target } from "../targets/target.js";
import type { Pulse, RequestRecord } from "./messages.js";

/** Milliseconds since the start of a phase. */
export type Clock = () => number;

/** @param startAtMs since 1970; exact to a fraction of a millisecond, and never set back. */
export function clockFrom(startAtMs: number): Clock {
  return () => performance.timeOrigin + performance.now() - startAtMs;
}

/** What a whole process has had so far. */
export class PulseCounter {
  tokens = 0;
  sent = 0;
  answered = 0;
  failed = 0;

  read(): Pulse {
    const { tokens, sent, answered, failed } = this;
    return { tokens, sent, answered, failed };
  }
}

export interface Asking {
  readonly target: Target;
  readonly request: LoadRequest;
  readonly traffic: number;
  readonly dueMs: number;
  readonly timeoutMs: number;
}

/** Never throws: a failure is a result. */
export async function recordRequest(asking: Asking, clock: Clock, counter: PulseCounter): Promise<RequestRecord> {
  const { target, request, traffic, dueMs, timeoutMs } = asking;
  const parts: Part[] = [];
  let tokensSoFar = 0; // a part counts as one until the server has counted
  const onTokens = (tokens: number | undefined): void => {
    const now = tokens ?? tokensSoFar + 1;
    counter.tokens += now - tokensSoFar;
    tokensSoFar = now;
    parts.push({ ms: clock(), tokens });
  };
  const head = { traffic, dueMs, wantedPromptTokens: request.promptTokens, wantedTokens: request.maxNewTokens };
  counter.sent += 1;
  try {
    const counts = await withTimeout(timeoutMs, (signal) => target.generate(request, onTokens, signal));
    const endMs = clock();
    const arrivals = countArrivals(parts, counts.completionTokens, endMs);
    counter.tokens += (arrivals.at(-1)?.tokens ?? 0) - tokensSoFar;
    counter.answered += 1;
    const isCounted = counts.completionTokens !== undefined;
    return { ...head, ...noError, endMs, promptTokens: counts.promptTokens, isCounted, arrivals };
  } catch (error) {
    counter.failed += 1;
    const endMs = clock();
    const arrivals = countArrivals(parts, undefined, endMs);
    return { ...head, ...describeFailure(error), endMs, promptTokens: undefined, isCounted: false, arrivals };
  }
}

const noError = { errorCode: undefined, errorMessage: undefined };

function describeFailure(error: unknown): Pick<RequestRecord, "errorCode" | "errorMessage"> {
  if (error instanceof TargetError) return { errorCode: error.code, errorMessage: error.message };
  if (!(error instanceof Error)) return { errorCode: "unknown", errorMessage: String(error) };
  return { errorCode: error.name, errorMessage: error.message }; // an answer that is not what its API says
}

async function withTimeout<T>(timeoutMs: number, action: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(new TargetError(timeoutCode, "no whole answer in time")), timeoutMs);
  try {
    return await action(controller.signal);
  } finally {
    clearTimeout(timer);
  }
}

/** A part of an answer; `tokens` so far, where the server counts along. */
export interface Part {
  readonly ms: number;
  readonly tokens: number | undefined;
}

/**
 * Where the API counts at the end only, the tokens are spread evenly over the parts of the answer: the sum is the
 * server's, only which part had two of them is not known. Tokens that no part told of came with the end.
 *
 * @param total by the server's count; undefined where it has none.
 */
export function countArrivals(parts: readonly Part[], total: number | undefined, endMs: number): Arrival[] {
  const arrivals = parts.map(({ ms, tokens }, index) => ({
    ms,
    tokens: tokens ?? Math.round(((total ?? parts.length) * (index + 1)) / parts.length),
  }));
  const told = arrivals.at(-1)?.tokens ?? 0;
  return total !== undefined && total > told ? [...arrivals, { ms: endMs, tokens: total }] : arrivals;
}
