import { InvalidRequestError, type Violation } from "../../../engine/violations.js";
import { OrtlerError } from "../../../errors.js";
import { codes, ToldError } from "../../errors.js";
import type { Logger } from "../../log.js";
import { FieldError } from "../../fields.js";
import { hideError, refusedBeforeUs } from "../told-errors.js";

/** An error as OpenAI's clients read it. */
export interface ErrorBody {
  readonly error: {
    readonly message: string;
    readonly type: string;
    /** The field that is wrong. */
    readonly param: string | null;
    readonly code: string | null;
  };
}

/** An error in the words of this API. */
export class OpenAiError extends ToldError {
  override readonly name = "OpenAiError";
  readonly param: string | null;
  readonly code: string | null;

  constructor(
    readonly status: number,
    readonly type: string,
    message: string,
    { param = null, code = null }: { readonly param?: string | null; readonly code?: string | null } = {},
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.param = param;
    this.code = code;
  }

  get body(): ErrorBody {
    const { message, type, param, code } = this;
    return { error: { message, type, param, code } };
  }
}

/** The caller's mistake. */
export function invalid(param: string | null, message: string, code: string | null = null): OpenAiError {
  return new OpenAiError(400, "invalid_request_error", message, { param, code });
}

/** What an operation calls the fields whose rules the engine checks; the other rules cannot be broken through it. */
export type FieldNames = Partial<Record<Violation["rule"], string>>;

const sharedNames = {
  temperature: "temperature",
  "top-p": "top_p",
  "top-k": "top_k",
  "repetition-penalty": "repetition_penalty",
  "min-new-tokens": "min_tokens",
  "stop-sequences": "stop",
  "frequency-penalty": "frequency_penalty",
  "presence-penalty": "presence_penalty",
  "logit-bias": "logit_bias",
  "logit-bias-token": "logit_bias",
} as const satisfies FieldNames;

export const completionFieldNames: FieldNames = {
  ...sharedNames,
  "max-new-tokens": "max_tokens",
  "top-n-tokens": "logprobs",
  "prompt-token": "prompt",
  "prompt-characters": "prompt",
  "empty-prompt": "prompt",
  "prompt-length": "prompt",
  "prompt-and-min-length": "prompt",
};

export const chatFieldNames: FieldNames = {
  ...sharedNames,
  "max-new-tokens": "max_completion_tokens",
  "top-n-tokens": "top_logprobs",
  "prompt-token": "messages",
  "prompt-characters": "messages",
  "empty-prompt": "messages",
  "prompt-length": "messages",
  "prompt-and-min-length": "messages",
};

/** Rules that say that the context is too short for what is asked. */
const lengthRules: ReadonlySet<string> = new Set<Violation["rule"]>(["prompt-length", "prompt-and-min-length"]);

const types = {
  "invalid-input": "invalid_request_error",
  "over-capacity": "rate_limit_error",
  deadline: "timeout_error",
  cancelled: "cancelled_error",
  unavailable: "service_unavailable_error",
  internal: "server_error",
} as const satisfies Record<OrtlerError["kind"], string>;

/** What the client is told. A bug is told by a request id, under which the log has the cause. */
export function toOpenAiError(error: unknown, path: string, log: Logger, fieldNames: FieldNames): OpenAiError {
  const told = toldError(error, fieldNames);
  if (told !== undefined) {
    log.info("call refused", { path, status: told.status, message: told.message });
    return told;
  }
  return new OpenAiError(codes.internal.http, types.internal, hideError(error, path, log));
}

function toldError(error: unknown, fieldNames: FieldNames): OpenAiError | undefined {
  if (error instanceof OpenAiError) return error;
  if (error instanceof FieldError) return invalid(error.field, error.message);
  if (error instanceof InvalidRequestError) return violated(error, fieldNames);
  if (error instanceof OrtlerError && error.kind !== "internal") {
    const code = error.kind === "over-capacity" ? "rate_limit_exceeded" : null;
    return new OpenAiError(codes[error.kind].http, types[error.kind], error.message, { code }, { cause: error });
  }
  const refusal = refusedBeforeUs(error);
  return refusal && new OpenAiError(refusal.status, types["invalid-input"], refusal.message, {}, { cause: error });
}

function violated({ violation, message }: InvalidRequestError, fieldNames: FieldNames): OpenAiError {
  const param = fieldNames[violation.rule] ?? null;
  const code = lengthRules.has(violation.rule) ? "context_length_exceeded" : null;
  return invalid(param, param === null ? message : `${param}: ${message}`, code);
}
