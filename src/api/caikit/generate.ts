import type { Caller } from "../../engine/observer.js";
import type { GenerationEvent, UncheckedRequest } from "../../engine/request.js";
import type { TextEngine } from "../text-engine.js";
import { generateInTime } from "../timed-generation.js";
import { timeoutError, toCaikitError } from "./errors.js";

export interface CaikitCall {
  readonly kind: "unary" | "stream";
  /** Aborted when the client or the server ends the call. */
  readonly signal: AbortSignal;
  /** Time limit of the generation in milliseconds; 0 = none. */
  readonly timeoutMs: number;
  readonly caller: Omit<Caller, "kind">;
}

/** The engine's events under the request's time limit, their errors in Caikit's words. */
export function caikitEvents(
  engine: TextEngine,
  request: UncheckedRequest,
  { kind, signal, timeoutMs, caller }: CaikitCall,
): AsyncIterable<GenerationEvent> {
  return generateInTime(engine, request, {
    signal,
    timeoutMs,
    timeout: () => timeoutError(kind),
    word: (error) => toCaikitError(error, kind),
    caller: { ...caller, kind: kind === "unary" ? "single" : "stream" },
  });
}
