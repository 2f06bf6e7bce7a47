import type { GenerationEvent, UncheckedRequest } from "../../engine/request.js";
import { RequestTimer } from "../request-timer.js";
import type { TextEngine } from "../text-engine.js";
import { timeoutError, toCaikitError } from "./errors.js";

export interface CaikitCall {
  readonly kind: "unary" | "stream";
  /** Aborted when the client or the server ends the call. */
  readonly signal: AbortSignal;
  /** Time limit of the generation in milliseconds; 0 = none. */
  readonly timeoutMs: number;
}

/** The engine's events under the request's time limit, their errors in Caikit's words. */
export async function* generateInTime(
  engine: TextEngine,
  request: UncheckedRequest,
  { kind, signal, timeoutMs }: CaikitCall,
): AsyncIterable<GenerationEvent> {
  const timer = new RequestTimer(signal, timeoutMs, timeoutError(kind));
  try {
    for await (const event of engine.generate(request, timer.signal)) {
      timer.signal.throwIfAborted();
      yield event;
    }
    timer.signal.throwIfAborted();
  } catch (error) {
    throw timer.signal.aborted ? timer.signal.reason : toCaikitError(error, kind);
  } finally {
    timer.dispose();
  }
}
