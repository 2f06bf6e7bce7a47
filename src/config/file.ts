import { ConfigurationError } from "../errors.js";
import type { Given } from "./command-line.js";
import { didYouMean } from "./nearest.js";
import type { OptionTable } from "./options.js";

/**
 * What the JSON text of a settings file says, by key.
 *
 * @param path Of the file; for messages.
 * @throws {ConfigurationError} for what is not an object of known keys with texts, numbers and booleans.
 */
export function readSettingsFile(path: string, content: string, table: OptionTable): Map<string, Given> {
  const keys = Object.keys(table).filter((key) => key !== "config" && table[key]?.isFlagOnly !== true);
  const given = new Map<string, Given>();
  for (const [key, value] of Object.entries(parseObject(path, content))) {
    if (!keys.includes(key)) throw new ConfigurationError(`unknown key ${key} in ${path}${didYouMean(key, keys)}`);
    if (typeof value !== "string" && typeof value !== "number" && typeof value !== "boolean") {
      throw new ConfigurationError(
        `${key} in ${path} must be text, a number or a boolean, got ${JSON.stringify(value)}`,
      );
    }
    given.set(key, { texts: [String(value)], name: `${key} in ${path}`, source: "file" });
  }
  return given;
}

function parseObject(path: string, content: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(content);
  } catch (cause) {
    throw new ConfigurationError(
      `${path} is not valid JSON: ${cause instanceof Error ? cause.message : String(cause)}`,
    );
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new ConfigurationError(`${path} must hold one JSON object`);
  }
  return { ...value };
}
