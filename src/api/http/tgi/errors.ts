import { InvalidRequestError, type Violation } from "../../../engine/violations.js";
import { OrtlerError } from "../../../errors.js";
import { codes, ToldError } from "../../errors.js";
import type { Logger } from "../../log.js";
import { FieldError } from "../../fields.js";
import type { Refusal } from "../api.js";
import { hideError, refusedBeforeUs } from "../told-errors.js";

/** An error as clients of TGI read it. */
export interface ErrorBody {
  readonly error: string;
  readonly error_type: string;
}

/** An error in the words of this API. */
export class TgiError extends ToldError {
  override readonly name = "TgiError";

  constructor(
    readonly status: number,
    readonly type: string,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }

  get body(): ErrorBody {
    return { error: this.message, error_type: this.type };
  }
}

/** The caller's mistake. */
export function validationError(message: string, options?: ErrorOptions): TgiError {
  return new TgiError(422, "validation", `Input validation error: ${message}`, options);
}

const types = {
  "invalid-input": "validation",
  "over-capacity": "overloaded",
  deadline: "generation",
  cancelled: "generation",
  unavailable: "unhealthy",
  internal: "generation",
} as const satisfies Record<OrtlerError["kind"], string>;

/** What the server refuses before this API sees it; TGI has no keys, and so no word of its own for a missing one. */
export function wordRefusal({ status, message }: Refusal): ErrorBody {
  return { error: message, error_type: status === codes.unavailable.http ? types.unavailable : "authentication" };
}

/** What the client is told. A bug is told by a request id, under which the log has the cause. */
export function toTgiError(error: unknown, path: string, log: Logger): TgiError {
  const told = toldError(error);
  if (told !== undefined) {
    log.info("call refused", { path, status: told.status, message: told.message });
    return told;
  }
  const message = `Request failed during generation: ${hideError(error, path, log)}`;
  return new TgiError(424, types.internal, message);
}

function toldError(error: unknown): TgiError | undefined {
  if (error instanceof TgiError) return error;
  if (error instanceof FieldError) return validationError(error.message);
  if (error instanceof InvalidRequestError)
    return validationError(wordViolation(error.violation, error.message), { cause: error });
  if (error instanceof OrtlerError && error.kind !== "internal") {
    const message = error.kind === "over-capacity" ? "Model is overloaded" : error.message;
    return new TgiError(codes[error.kind].http, types[error.kind], message, { cause: error });
  }
  const refusal = refusedBeforeUs(error);
  return refusal && new TgiError(refusal.status, types["invalid-input"], refusal.message, { cause: error });
}

/** TGI's words where it has the rule, with the limit that holds here and the value that was given. */
function wordViolation(violation: Violation, message: string): string {
  switch (violation.rule) {
    case "temperature":
      return `\`temperature\` must be >= ${violation.minimum}. Given: ${violation.value}`;
    case "frequency-penalty":
      return `\`frequency_penalty\` must be >= -2.0 and <= 2.0. Given: ${violation.value}`;
    case "top-n-tokens":
      return `\`top_n_tokens\` must be >= 0 and <= ${violation.limit}. Given: ${violation.value}`;
    case "stop-sequences":
      return (
        `\`stop\` supports up to ${violation.maxCount} stop sequences ` +
        `of 1 to ${violation.maxBytes} bytes. Given: ${violation.count}`
      );
    case "max-new-tokens":
      return `\`max_new_tokens\` must be > 0 and <= ${violation.limit}. Given: ${violation.value}`;
    case "prompt-characters":
      return `\`inputs\` must have at most ${violation.limit} characters. Given: ${violation.characters}`;
    case "empty-prompt":
      return "`inputs` cannot be empty";
    case "prompt-length":
      return `\`inputs\` must have less than ${violation.limit} tokens. Given: ${violation.promptTokens}`;
    case "top-p":
    case "top-k":
    case "typical-p":
    case "repetition-penalty":
    case "min-new-tokens":
    case "length-penalty":
    case "presence-penalty":
    case "logit-bias":
    case "logit-bias-token":
    case "prompt-token":
    case "token-details":
    case "prompt-and-min-length":
      return message; // checked before, or not to be asked for here
  }
}
