import { status } from "@grpc/grpc-js";
import { InvalidRequestError } from "../../../engine/violations.js";
import { OrtlerError, OverCapacityError } from "../../../errors.js";
import { StatusError } from "../../errors.js";
import { wordFailure, overloaded, wordViolation } from "../../tgis-texts.js";

/** A generation took longer than the limit that this server was given; TGIS has none. */
export function timeoutError(timeoutMs: number): StatusError {
  return new StatusError(status.DEADLINE_EXCEEDED, `the generation took longer than ${timeoutMs} ms`);
}

/**
 * An error of the engine in TGIS's words and codes. A failure inside is UNKNOWN, with what the engine says of it.
 * @returns `error` itself when the contract has nothing to say about it.
 */
export function toTgisError(error: unknown): unknown {
  if (error instanceof InvalidRequestError) {
    return new StatusError(status.INVALID_ARGUMENT, wordViolation(error.violation), { cause: error });
  }
  if (error instanceof OverCapacityError) {
    return new StatusError(status.RESOURCE_EXHAUSTED, overloaded, { cause: error });
  }
  if (error instanceof OrtlerError && error.kind === "internal") {
    return new StatusError(status.UNKNOWN, wordFailure(error.message), { cause: error });
  }
  return error;
}
