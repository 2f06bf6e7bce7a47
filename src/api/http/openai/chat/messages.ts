/** The messages of a conversation: as clients send them, and as templates take them. */
import { FieldError, listOf, object, optional, string, withDefault, type Field, type Fields } from "../../../fields.js";
import { anyObject, oneOf, type JsonObject } from "../json-fields.js";

/** What a template is given of a message. */
export interface Message {
  readonly role: "system" | "developer" | "user" | "assistant" | "tool";
  readonly content: string;
  readonly name?: string;
  readonly tool_calls?: readonly ToolCall[];
  readonly tool_call_id?: string;
}

/** An earlier call of a tool, its arguments parsed: so transformers' templates expect it. */
interface ToolCall {
  readonly id?: string;
  readonly type: string;
  readonly function: { readonly name: string; readonly arguments: JsonObject };
}

const part = object({ type: string, text: optional(string), refusal: optional(string) });

/** Text, or parts that are text, which templates get as lines of one text. */
const content: Field<string> = {
  schema: { anyOf: [string.schema, { type: "array", items: part.schema, minItems: 1 }] },
  isRequired: true,
  read: (value, path) => {
    if (typeof value === "string") return value;
    if (!Array.isArray(value)) throw new FieldError(path, `${path} must be a string or an array of text parts`);
    return listOf(part, { minItems: 1 })
      .read(value, path)
      .map((each, index) => textOf(each, `${path}[${index}]`))
      .join("\n");
  },
};

function textOf({ type, text, refusal }: ReturnType<typeof part.read>, path: string): string {
  if (type !== "text" && type !== "refusal") {
    throw new FieldError(path, `${path} is of type ${type.slice(0, 60)}, which is not supported: the model reads text`);
  }
  const given = type === "text" ? text : refusal;
  if (given === undefined) throw new FieldError(`${path}.${type}`, `${path}.${type} is missing`);
  return given;
}

const toolCall = object({
  id: optional(string),
  type: withDefault(string, "function"),
  function: object({ name: string, arguments: withDefault(string, "") }),
});

const messageFields = {
  role: oneOf("system", "developer", "user", "assistant", "tool"),
  content: optional(content),
  name: optional(string),
  tool_calls: withDefault(listOf(toolCall), []),
  tool_call_id: optional(string),
};

const given = object(messageFields);

/** One message. */
const message: Field<Message> = {
  ...given,
  read: (value, path) => toMessage(given.read(value, path), path),
};

function toMessage(asked: Fields<typeof messageFields>, path: string): Message {
  const { role, content: text, name, tool_calls: calls, tool_call_id: callId } = asked;
  if (text === undefined && (role !== "assistant" || calls.length === 0)) {
    throw new FieldError(`${path}.content`, `${path}.content is missing`);
  }
  return {
    role,
    content: text ?? "",
    ...(name !== undefined && { name }),
    ...(calls.length > 0 && {
      tool_calls: calls.map((call, index) => toToolCall(call, `${path}.tool_calls[${index}]`)),
    }),
    ...(callId !== undefined && { tool_call_id: callId }),
  };
}

function toToolCall({ id, type, function: called }: ReturnType<typeof toolCall.read>, path: string): ToolCall {
  const parsed = parsedArguments(called.arguments, `${path}.function.arguments`);
  return { ...(id !== undefined && { id }), type, function: { name: called.name, arguments: parsed } };
}

function parsedArguments(json: string, path: string): JsonObject {
  if (json.trim() === "") return {};
  try {
    return anyObject.read(JSON.parse(json), path);
  } catch (cause) {
    if (cause instanceof FieldError) throw cause;
    throw new FieldError(path, `${path} must be JSON, got ${json.slice(0, 60)}`);
  }
}

/** A conversation, in order. */
export const messages: Field<readonly Message[]> = listOf(message, { minItems: 1 });
