/** Why a new model does not serve: a word for the metric, a sentence for people. */
import { ConfigurationError } from "../../errors.js";

export type RefusalReason = "incomplete" | "unloadable" | "memory" | "settings" | "token-check";

export interface Refusal {
  readonly reason: RefusalReason;
  readonly message: string;
  /** Undefined when there is no whole model to have one. */
  readonly digest: string | undefined;
}

/** There is no memory for a new model beside the one that serves. */
export class NoRoomError extends ConfigurationError {}

/** A check of a new model that failed. Never leaves this folder. */
export class RefusedError extends Error {
  override readonly name = "RefusedError";

  constructor(
    readonly reason: RefusalReason,
    cause: unknown,
  ) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

/** @throws {RefusedError} when `check` throws: with this reason, unless it is the memory that is missing. */
export async function orRefuse<T>(reason: RefusalReason, check: () => Promise<T> | T): Promise<T> {
  try {
    return await check();
  } catch (error) {
    throw new RefusedError(error instanceof NoRoomError ? "memory" : reason, error);
  }
}
