import type { OrtlerError } from "../errors.js";
import type { FinishedSequence } from "./observer.js";
import type { StopReason } from "./request.js";
import type { Sequence } from "./sequence.js";

/**
 * What there is to say of a sequence at its end.
 * @param error what ended it before its time; undefined when it stopped by itself, or its caller stopped listening.
 */
export function reportOf(
  sequence: Sequence,
  error: OrtlerError | undefined,
  nowMs: number,
): Omit<FinishedSequence, "inFlight"> {
  const { caller, request, completionTokens, reusedTokens, arrivalMs, queuedMs, startedMs, firstTokenMs } = sequence;
  const reason = reasonOf(sequence, error);
  return {
    caller,
    request,
    completionTokens,
    reusedTokens,
    reason,
    ...(reason === "error" && { error }),
    validationMs: queuedMs - arrivalMs,
    queueMs: (startedMs ?? nowMs) - queuedMs,
    inferenceMs: startedMs === undefined ? undefined : nowMs - startedMs,
    prefillMs: startedMs === undefined || firstTokenMs === undefined ? undefined : firstTokenMs - startedMs,
    totalMs: nowMs - arrivalMs,
  };
}

function reasonOf({ stopReason }: Sequence, error: OrtlerError | undefined): StopReason {
  if (error === undefined) return stopReason ?? "cancelled";
  return error.kind === "cancelled" ? "cancelled" : "error";
}
