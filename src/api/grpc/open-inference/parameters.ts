import { FieldError } from "../../fields.js";
import type { InferParameter } from "../generated/inference/grpc_service_pb.js";

/** A parameter as JSON has it; undefined when the message says nothing. */
type Value = boolean | number | string | undefined;

/**
 * Parameters in REST's shape.
 * @throws {FieldError} for a number that JSON does not have, or has no longer exactly.
 */
export function toParameters(parameters: Readonly<Record<string, InferParameter>>): Readonly<Record<string, Value>> {
  return Object.fromEntries(Object.entries(parameters).map(([name, parameter]) => [name, toValue(name, parameter)]));
}

function toValue(name: string, { parameterChoice: { case: field, value } }: InferParameter): Value {
  switch (field) {
    case undefined:
    case "boolParam":
      return value;
    case "stringParam":
      return isNumeral(name, value) ? Number(value) : value;
    case "doubleParam":
      if (!Number.isFinite(value)) throw refused(name, "a finite number", value);
      return value;
    case "int64Param":
    case "uint64Param":
      if (!Number.isSafeInteger(Number(value))) throw refused(name, "an integer of at most 53 bits", value);
      return Number(value);
  }
}

/**
 * Before it had doubles, the protocol left nothing but a string for a number with a fraction, and its older clients
 * still send that. Only the text of a stop sequence is meant as it is.
 */
function isNumeral(name: string, text: string): boolean {
  return name !== "stop" && /^-?\d+(\.\d+)?(e[+-]?\d+)?$/i.test(text);
}

function refused(name: string, rule: string, value: number | bigint): FieldError {
  const path = `parameters.${name}`;
  return new FieldError(path, `${path} must be ${rule}, got ${value}`);
}
