import { InvalidRequestError } from "../../../engine/violations.js";
import { OrtlerError } from "../../../errors.js";
import { codes, ToldError } from "../../errors.js";
import type { Logger } from "../../log.js";
import { FieldError } from "../../fields.js";
import { hideError, refusedBeforeUs } from "../told-errors.js";

/** An error in the words of this API: a status, and an object with nothing but `error`. */
export class OpenInferenceError extends ToldError {
  override readonly name = "OpenInferenceError";

  constructor(
    readonly status: number,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }

  get body(): { readonly error: string } {
    return { error: this.message };
  }
}

/** How the two halves of the protocol say the same: inference, and its extension for generation. */
export interface Statuses {
  readonly invalid: number;
  readonly failed: number;
}

export const inferStatuses: Statuses = { invalid: 400, failed: 500 };
export const generateStatuses: Statuses = { invalid: 422, failed: 424 };

/** What the client is told. A bug is told by a request id, under which the log has the cause. */
export function toOpenInferenceError(
  error: unknown,
  statuses: Statuses,
  path: string,
  log: Logger,
): OpenInferenceError {
  const told = toldError(error, statuses);
  if (told === undefined) return new OpenInferenceError(statuses.failed, hideError(error, path, log));
  log.info("call refused", { path, status: told.status, message: told.message });
  return told;
}

function toldError(error: unknown, { invalid }: Statuses): OpenInferenceError | undefined {
  if (error instanceof OpenInferenceError) return error;
  if (error instanceof FieldError || error instanceof InvalidRequestError) {
    return new OpenInferenceError(invalid, error.message, { cause: error });
  }
  if (error instanceof OrtlerError && error.kind !== "internal") {
    return new OpenInferenceError(codes[error.kind].http, error.message, { cause: error });
  }
  const refusal = refusedBeforeUs(error);
  return refusal && new OpenInferenceError(refusal.status, refusal.message, { cause: error });
}
