import { status } from "@grpc/grpc-js";
import { InvalidRequestError } from "../../engine/violations.js";
import { OrtlerError, OverCapacityError } from "../../errors.js";
import { StatusError } from "../errors.js";
import { overloaded, wordViolation } from "../tgis-texts.js";

/**
 * A parameter that the original refuses with a Python exception of this class. Its REST streams show the class, gRPC and
 * unary REST only the text.
 */
export class ParameterError extends StatusError {
  constructor(
    readonly exception: "ValueError" | "TypeError" | "OverflowError",
    text: string,
  ) {
    super(exception === "OverflowError" ? status.INTERNAL : status.INVALID_ARGUMENT, text);
  }
}

/** Unary generation says this whatever made its backend unreachable; streams keep the backend's text. */
const unaryUnavailable = "The underlying TCP connection is closed";

/** A generation took longer than the API's own time limit for one request. */
export function timeoutError(kind: "unary" | "stream"): StatusError {
  return new StatusError(status.UNAVAILABLE, kind === "unary" ? unaryUnavailable : "Deadline Exceeded");
}

/**
 * An error of the engine in Caikit's words and codes (contract of Caikit, backend status -> client status): overload is
 * INVALID_ARGUMENT, and whatever ended the work from outside is UNAVAILABLE.
 * @returns `error` itself when the contract has nothing to say about it.
 */
export function toCaikitError(error: unknown, kind: "unary" | "stream"): unknown {
  if (error instanceof InvalidRequestError) {
    return new StatusError(status.INVALID_ARGUMENT, wordViolation(error.violation), { cause: error });
  }
  if (error instanceof OverCapacityError) {
    return new StatusError(status.INVALID_ARGUMENT, overloaded, { cause: error });
  }
  if (error instanceof OrtlerError && ["deadline", "cancelled", "unavailable"].includes(error.kind)) {
    return new StatusError(status.UNAVAILABLE, kind === "unary" ? unaryUnavailable : error.message, { cause: error });
  }
  return error;
}
