import type { GenerationEvent, UncheckedRequest } from "../engine/request.js";
import type { Caller } from "../engine/observer.js";
import { RequestTimer } from "./request-timer.js";
import type { TextEngine } from "./text-engine.js";

export interface TimedCall {
  /** Aborted when the client or the server ends the call. */
  readonly signal: AbortSignal;
  /** Time limit of the generation in milliseconds; 0 = none. */
  readonly timeoutMs: number;
  /** Makes what the client is told when the time is over. */
  readonly timeout: () => Error;
  /** The engine's errors in the contract's words. */
  readonly word: (error: unknown) => unknown;
  readonly caller: Caller;
}

/** The engine's events under an API's own time limit, errors in that API's words. */
export async function* generateInTime(
  engine: Pick<TextEngine, "generate">,
  request: UncheckedRequest,
  { signal, timeoutMs, timeout, word, caller }: TimedCall,
): AsyncIterable<GenerationEvent> {
  const timer = new RequestTimer(signal, timeoutMs, timeout);
  try {
    for await (const event of engine.generate(request, timer.signal, caller)) {
      timer.signal.throwIfAborted();
      yield event;
    }
    timer.signal.throwIfAborted();
  } catch (error) {
    throw timer.signal.aborted ? timer.signal.reason : word(error);
  } finally {
    timer.dispose();
  }
}
