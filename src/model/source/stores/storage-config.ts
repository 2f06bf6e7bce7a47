/** KServe's `storage-config`: one connection as JSON, in STORAGE_CONFIG, with single fields over it in STORAGE_OVERRIDE_CONFIG. */
import type { Environment } from "../../../config/environment.js";
import { ConfigurationError } from "../../../errors.js";
import { isJsonObject } from "../../checkpoint/json.js";

/** A field of the connection, and the variable that had it. */
export interface ConnectionField {
  readonly value: string;
  readonly variable: string;
}

/** The later one wins. */
const variables = ["STORAGE_CONFIG", "STORAGE_OVERRIDE_CONFIG"] as const;

/**
 * The fields that are set, by their key.
 *
 * @throws {ConfigurationError} when a variable is no JSON object of texts, or is of another type than `s3`.
 */
export function readStorageConfig(environment: Environment): ReadonlyMap<string, ConnectionField> {
  const fields = new Map<string, ConnectionField>();
  for (const variable of variables) {
    for (const [key, value] of parseConnection(variable, environment[variable] ?? "")) {
      fields.set(key, { value, variable });
    }
  }
  const type = fields.get("type");
  if (type === undefined || type.value.toLowerCase() === "s3") return fields;
  throw new ConfigurationError(`${type.variable}: type ${JSON.stringify(type.value)} cannot be read; allowed is s3`);
}

/** Errors have the key and not the value, which may be the secret one. */
function parseConnection(variable: string, text: string): [string, string][] {
  if (text.trim() === "") return [];
  return Object.entries(parseObject(variable, text)).flatMap(([key, value]): [string, string][] => {
    if (value === null || value === "") return [];
    // KServe wants texts only; a bare `true` or number says just as clearly what is meant.
    if (typeof value === "string" || typeof value === "boolean" || typeof value === "number") {
      return [[key, String(value)]];
    }
    throw new ConfigurationError(`${variable}: ${key} must be a text`);
  });
}

function parseObject(variable: string, text: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined; // the parser's message quotes the text
  }
  if (isJsonObject(value)) return value;
  throw new ConfigurationError(`${variable} must be a JSON object such as {"type": "s3", "bucket": "models"}`);
}
