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

/** The original sends no text with a success, where grpc-js would say `OK`. */
export const success: CallStatus = { code: status.OK, details: "" };

/**
 * What the client is told of an error. The caller's mistakes and the load are told as they are; anything else is a bug,
 * of which the client sees a request id and the log the cause.
 */
export function statusOf(error: unknown, path: string, log: Logger): CallStatus {
  const told = toldStatus(error);
  if (told !== undefined) {
    log.info("call refused", { path, code: status[told.code], details: told.details });
    return told;
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
