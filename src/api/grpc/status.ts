import { randomUUID } from "node:crypto";
import { status } from "@grpc/grpc-js";
import { OrtlerError } from "../../errors.js";
import { codes, StatusError } from "../errors.js";
import type { Logger } from "../log.js";

/** How a call ends: a code and the text that goes with it. */
export interface CallStatus {
  readonly code: status;
  readonly details: string;
}

/**
 * Longest text of a status, in characters. It travels in a header, percent-encoded, and clients refuse headers of more
 * than some 8 KiB; one above 64 KiB Node would not send at all, and the call would never end.
 */
const maxDetailsLength = 2000;

/** The original sends no text with a success, where grpc-js would say `OK`. */
export const success: CallStatus = { code: status.OK, details: "" };

/**
 * What the client is told of an error. The caller's mistakes and the load are told as they are; anything else is a bug,
 * of which the client sees a request id and the log the cause.
 */
export function statusOf(error: unknown, path: string, log: Logger): CallStatus {
  const told = toldStatus(error);
  if (told !== undefined) {
    const answer = { code: told.code, details: shortened(told.details) };
    log.info("call refused", { path, code: status[answer.code], details: answer.details });
    return answer;
  }
  const requestId = randomUUID();
  log.error("call failed", { path, requestId, error });
  return { code: codes.internal.grpc, details: `internal error (request id ${requestId})` };
}

function toldStatus(error: unknown): CallStatus | undefined {
  if (error instanceof StatusError) return { code: error.code, details: error.message };
  if (error instanceof OrtlerError && error.kind !== "internal") {
    return { code: codes[error.kind].grpc, details: error.message };
  }
  return undefined;
}

/** Texts that quote the request may be as long as that. A pair of surrogates is not cut in two. */
function shortened(details: string): string {
  if (details.length <= maxDetailsLength) return details;
  return `${details.slice(0, maxDetailsLength).replace(/[\uD800-\uDBFF]$/, "")}...`;
}
