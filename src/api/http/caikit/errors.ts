/** What REST clients are told of an error: as an answer of its own, or as the last event of a stream. */
import { randomUUID } from "node:crypto";
import { status } from "@grpc/grpc-js";
import { OrtlerError } from "../../../errors.js";
import { ParameterError } from "../../caikit/errors.js";
import { codes, StatusError, ToldError } from "../../errors.js";
import type { Logger } from "../../log.js";
import type { Refusal } from "../api.js";
import type { JsonValue } from "./json.js";
import { jsonString, repr } from "./python-text.js";
import type { Issue } from "./schema.js";

/** An error of the original's web framework, outside of Caikit's own error format: `{"detail": text}`. */
export class DetailError extends ToldError {
  override readonly name = "DetailError";

  constructor(
    readonly httpStatus: number,
    text: string,
  ) {
    super(text);
  }
}

/** The body is no JSON or does not have the shape that it should. There is at least one issue. */
export class ValidationError extends ToldError {
  override readonly name = "ValidationError";

  constructor(readonly issues: readonly Issue[]) {
    super(issues[0]?.text ?? "");
  }
}

/** The contract's table of gRPC code to HTTP status; what is not in it is 500. */
const httpStatuses: Partial<Record<status, number>> = {
  [status.INVALID_ARGUMENT]: 400,
  [status.FAILED_PRECONDITION]: 400,
  [status.OUT_OF_RANGE]: 400,
  [status.UNAUTHENTICATED]: 401,
  [status.PERMISSION_DENIED]: 403,
  [status.NOT_FOUND]: 404,
  [status.ALREADY_EXISTS]: 409,
  [status.ABORTED]: 409,
  [status.RESOURCE_EXHAUSTED]: 429,
  [status.CANCELLED]: 499,
  [status.UNIMPLEMENTED]: 501,
  [status.UNAVAILABLE]: 501,
  [status.DEADLINE_EXCEEDED]: 504,
};

/** Where an error happened: in an answer of its own, or after a stream began. */
export interface ErrorPlace {
  readonly kind: "unary" | "stream";
  readonly path: string;
  readonly log: Logger;
}

interface Told {
  readonly code: number;
  readonly details: string;
}

/**
 * The error in Caikit's format. The caller's mistakes and the load are told as they are; anything else is a bug, of
 * which the client sees an id, and the log the cause under the same id.
 */
export function errorJson(error: unknown, { kind, path, log }: ErrorPlace): { code: number; json: string } {
  const id = randomUUID().replaceAll("-", "");
  const told = kind === "unary" ? toldUnary(error) : toldInStream(error);
  const { code, details } = told ?? { code: 500, details: "internal error" };
  if (told === undefined) log.error("request failed", { path, id, error });
  else log.info("request refused", { path, code, details, id });
  return { code, json: `{"details": ${jsonString(details)}, "code": ${code}, "id": "${id}"}` };
}

/** What the server refuses before this API sees it, in Caikit's format: its client cannot read a body without `details`. */
export function wordRefusal({ status: code, message: details }: Refusal): object {
  return { details, code, id: randomUUID().replaceAll("-", "") };
}

function toldUnary(error: unknown): Told | undefined {
  if (error instanceof StatusError) return { code: httpStatuses[error.code] ?? 500, details: error.message };
  if (error instanceof OrtlerError && error.kind !== "internal") {
    return { code: codes[error.kind].http, details: error.message };
  }
  return undefined;
}

/** Streams show the Python exception that the original raised, and have no code of their own for an absent backend. */
function toldInStream(error: unknown): Told | undefined {
  if (error instanceof ParameterError) {
    const { exception, message } = error;
    if (exception === "OverflowError") return { code: 500, details: `Unhandled exception: ${message}` };
    return { code: 400, details: `${exception}(${repr(message)})` };
  }
  if (error instanceof StatusError && error.code === status.UNAVAILABLE) return { code: 500, details: error.message };
  return toldUnary(error);
}

/** The version in the links to pydantic's pages: the one that the texts are of. */
const pydanticVersion = "2.13";

/** The issues as the original's 422 lists them, without spaces. */
export function validationJson({ issues, message }: ValidationError): string {
  const id = randomUUID().replaceAll("-", "");
  const listed = issues.map(issueJson).join(",");
  return `{"details":${JSON.stringify(message)},"additional_info":[${listed}],"code":422,"id":"${id}"}`;
}

function issueJson({ type, path, text, input, context }: Issue): string {
  const fields = [
    `"type":"${type}"`,
    `"loc":${JSON.stringify(path)}`,
    `"msg":${JSON.stringify(text)}`,
    `"input":${inputJson(input)}`,
    ...(context === undefined ? [] : [`"ctx":${JSON.stringify(context)}`]),
    `"url":"https://errors.pydantic.dev/${pydanticVersion}/v/${type}"`,
  ];
  return `{${fields.join(",")}}`;
}

/** The value that was refused, as valid JSON: integers of any size, and null for what JSON has no number for. */
function inputJson(value: JsonValue): string {
  if (typeof value === "bigint") return String(value);
  if (Array.isArray(value)) return `[${(value as readonly JsonValue[]).map(inputJson).join(",")}]`;
  if (!(value instanceof Map)) return JSON.stringify(value);
  const entries = [...(value as ReadonlyMap<string, JsonValue>)];
  return `{${entries.map(([key, each]) => `${JSON.stringify(key)}:${inputJson(each)}`).join(",")}}`;
}
