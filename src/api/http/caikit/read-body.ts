import { DetailError, ValidationError } from "./errors.js";
import { readForm } from "./form.js";
import { JsonError, readJson, type JsonObject, type JsonValue } from "./json.js";
import type { Issue, Schema } from "./schema.js";

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }); // the mark stays, and is no JSON

/**
 * Reads a request body by its content type: JSON, or a form whose fields make up the same object. A JSON body may have
 * parameters behind its type, or no type at all, which the original refuses.
 * @throws {DetailError} 415 for other types, 422 for forms with unknown or unreadable fields.
 * @throws {ValidationError} when the body is no JSON or breaks the schema.
 */
export function readBody<T>(body: Buffer, contentType: string | undefined, schema: Schema<T>): T {
  const issues: Issue[] = [];
  const read = schema.read(readValue(body, contentType), [], issues);
  if (read === null || issues.length > 0) throw new ValidationError(issues);
  return read;
}

function readValue(body: Buffer, contentType: string | undefined): JsonValue {
  const mediaType = contentType?.split(";")[0]?.trim().toLowerCase();
  if (contentType === undefined || mediaType === "application/json") return parse(body);
  if (mediaType === "multipart/form-data") return readFields(body, contentType);
  throw new DetailError(415, `Unsupported media type: ${contentType}.`);
}

function parse(body: Buffer): JsonValue {
  try {
    return readJson(decoder.decode(body));
  } catch (error) {
    const reason = error instanceof JsonError ? error.message : "invalid unicode code point";
    throw new ValidationError([
      {
        type: "json_invalid",
        path: [],
        text: `Invalid JSON: ${reason}`,
        input: body.toString(), // what is no UTF-8 shows as replacement characters
        context: { error: reason },
      },
    ]);
  }
}

/** `parameters` is JSON text; `parameters.{name}` is one parameter, as text. */
function readFields(body: Buffer, contentType: string): JsonObject {
  const fields = readForm(body, contentType);
  if (fields === undefined) throw new DetailError(422, "Failed to parse the form");
  const object = new Map<string, JsonValue>();
  const parameters = new Map<string, JsonValue>();
  const stopSequences: string[] = [];
  for (const [key, text] of fields) {
    if (key === "model_id" || key === "inputs") object.set(key, text);
    else if (key === "parameters") object.set(key, parseParameters(text));
    else if (!key.startsWith("parameters.")) throw new DetailError(422, `Unknown key '${key}'`);
    else if (key === "parameters.stop_sequences") stopSequences.push(text);
    else parameters.set(key.slice("parameters.".length), text);
  }
  if (stopSequences.length > 0) parameters.set("stop_sequences", stopSequences);
  if (parameters.size > 0) object.set("parameters", parameters);
  return object;
}

function parseParameters(text: string): JsonValue {
  try {
    return readJson(text);
  } catch {
    throw new DetailError(422, "Failed to parse key 'parameters'");
  }
}
