/**
 * What went wrong, in facts. No status codes and no contract wording here: `api/errors.ts` turns a
 * kind into a gRPC or HTTP status, and each API turns the facts into its contract's text.
 */
export type ErrorKind = "invalid-input" | "over-capacity" | "deadline" | "cancelled" | "unavailable" | "internal";

/** An error whose class decides whether it has a stack: collecting one costs more than all else in refusing a request. */
export abstract class BaseError extends Error {
  protected static readonly hasStack: boolean = true;

  constructor(message: string, options?: ErrorOptions) {
    const { stackTraceLimit } = Error;
    if (!new.target.hasStack) Error.stackTraceLimit = 0;
    super(message, options);
    Error.stackTraceLimit = stackTraceLimit;
  }
}

export abstract class OrtlerError extends BaseError {
  abstract readonly kind: ErrorKind;

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** What is to be expected of clients and of load: told by its message and never debugged. */
export abstract class ExpectedError extends OrtlerError {
  protected static override readonly hasStack = false;
}

/** A bug or a broken machine: ours to fix. The client sees "internal error", the log sees this. */
export class InternalError extends OrtlerError {
  readonly kind = "internal";
}

/** A setting, a flag or a file that the operator gave does not work. Stops the start. */
export class ConfigurationError extends OrtlerError {
  readonly kind = "invalid-input";
}

/** The checkpoint cannot be served as it is: the message names the file, what was expected and what was found. */
export class CheckpointError extends OrtlerError {
  readonly kind = "invalid-input";
}

/** More sequences are in flight than `limit` allows; the caller may try again later. */
export class OverCapacityError extends ExpectedError {
  readonly kind = "over-capacity";

  constructor(readonly limit: number) {
    super(`too many sequences: at most ${limit}`);
  }
}

/** The server is draining, or is not ready yet. */
export class UnavailableError extends ExpectedError {
  readonly kind = "unavailable";
}

/** The caller went away or its deadline passed before there was an answer. */
export class CancelledError extends ExpectedError {
  readonly kind = "cancelled";
}
