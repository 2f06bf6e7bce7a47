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
  const parts: { readonly ms: number; readonly tokens: number | undefined }[] = [];
  const onTokens = (tokens: number | undefined): void => {
    counter.tokens += tokens === undefined ? 1 : tokens - (parts.at(-1)?.tokens ?? 0);
    parts.push({ ms: clock(), tokens });
  };
  const head = { traffic, dueMs, wantedPromptTokens: request.promptTokens, wantedTokens: request.maxNewTokens };
  counter.sent += 1;
  try {
    const counts = await withTimeout(timeoutMs, (signal) => target.generate(request, onTokens, signal));
    const arrivals = countArrivals(parts, counts.completionTokens);
    counter.answered += 1;
    return { ...head, ...noError, endMs: clock(), promptTokens: counts.promptTokens, arrivals };
  } catch (error) {
    counter.failed += 1;
    const arrivals = countArrivals(parts, undefined);
    return { ...head, ...describeFailure(error), endMs: clock(), promptTokens: undefined, arrivals };
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

/**
 * Where the API counts at the end only, the tokens are spread evenly over the parts of the answer: the sum is the
 * server's, only which part had two of them is not known.
 *
 * @param total by the server's count; undefined when the answer did not come to its end.
 */
export function countArrivals(
  parts: readonly { readonly ms: number; readonly tokens: number | undefined }[],
  total: number | undefined,
): Arrival[] {
  return parts.map(({ ms, tokens }, index) => ({
    ms,
    tokens: tokens ?? Math.round(((total ?? parts.length) * (index + 1)) / parts.length),
  }));
}
