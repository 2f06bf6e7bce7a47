import { status } from "@grpc/grpc-js";
import { BaseError, type ErrorKind } from "../errors.js";

/**
 * The one place where an error becomes a gRPC status or an HTTP code; a new kind without a row does not compile.
 * Where a contract wants another code or its own words, its adapter throws a `StatusError`, in view.
 */
export const codes = {
  "invalid-input": { grpc: status.INVALID_ARGUMENT, http: 422 },
  "over-capacity": { grpc: status.RESOURCE_EXHAUSTED, http: 429 },
  deadline: { grpc: status.DEADLINE_EXCEEDED, http: 504 },
  cancelled: { grpc: status.CANCELLED, http: 499 },
  unavailable: { grpc: status.UNAVAILABLE, http: 503 },
  internal: { grpc: status.INTERNAL, http: 500 },
} as const satisfies Record<ErrorKind, { grpc: status; http: number }>;

/** An error that is told to a client as it is, and never debugged. */
export abstract class ToldError extends BaseError {
  protected static override readonly hasStack = false;
}

/** An error in a contract's own words: the client gets exactly this code and this text. */
export class StatusError extends ToldError {
  override readonly name = "StatusError";

  constructor(
    readonly code: status,
    text: string,
    options?: ErrorOptions,
  ) {
    super(text, options);
  }
}
