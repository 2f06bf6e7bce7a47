import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { CheckpointError } from "../../errors.js";
import { cannotBeRead } from "./access.js";

/** A JSON object from outside: nothing is known of its values. */
export type JsonObject = Readonly<Record<string, unknown>>;

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * Reads the JSON object in `file`, a name relative to `folder`.
 * @throws {CheckpointError} when the file is missing, unreadable, or holds something else.
 */
export async function readJsonObject(folder: string, file: string): Promise<JsonObject> {
  return parseJsonObject(await readText(folder, file), file);
}

/** As `readJsonObject`, but a missing file gives undefined. */
export async function readOptionalJsonObject(folder: string, file: string): Promise<JsonObject | undefined> {
  const text = await readOptionalText(folder, file);
  return text === undefined ? undefined : parseJsonObject(text, file);
}

/** @throws {CheckpointError} when the file is missing or unreadable. */
export async function readText(folder: string, file: string): Promise<string> {
  const text = await readOptionalText(folder, file);
  if (text === undefined) throw new CheckpointError(`${file}: not found`);
  return text;
}

/** @throws {CheckpointError} when the file is there and cannot be read. */
export async function readOptionalText(folder: string, file: string): Promise<string | undefined> {
  try {
    return await readFile(join(folder, file), "utf8");
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return undefined;
    throw unreadable(file, error);
  }
}

/** @throws {CheckpointError} naming `file`. */
export function parseJsonObject(text: string, file: string): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new CheckpointError(`${file}: not valid JSON (${error instanceof Error ? error.message : String(error)})`, {
      cause: error,
    });
  }
  if (!isJsonObject(value)) throw new CheckpointError(`${file}: expected a JSON object, found ${describeJson(value)}`);
  return value;
}

/**
 * The first key that occurs twice in one object of `json`, which must be valid JSON. `JSON.parse` keeps the
 * last of the two and says nothing.
 */
export function findDuplicateKey(json: string): string | undefined {
  const open: Set<string>[] = [];
  for (const [text] of json.matchAll(/"(?:[^"\\]|\\.)*"(?:\s*:)?|[{}]/g)) {
    if (text === "{") open.push(new Set());
    else if (text === "}") open.pop();
    else if (text.endsWith(":")) {
      const key = String(JSON.parse(text.slice(0, text.lastIndexOf('"') + 1)));
      if (open.at(-1)?.has(key)) return key;
      open.at(-1)?.add(key);
    }
  }
  return undefined;
}

/** The error for a file that is there and cannot be read; `cause` is the system's. */
export function unreadable(file: string, cause: unknown): CheckpointError {
  const why = systemErrorCode(cause) ?? (cause instanceof Error ? cause.message : String(cause));
  return new CheckpointError(`${file}: ${cannotBeRead(cause, why)}`, { cause });
}

/** `ENOENT` and the like; undefined when `error` does not come from the operating system. */
export function systemErrorCode(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}

function describeJson(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "an array" : `a ${typeof value}`;
}
