/** The parts that the sections of the OpenAPI document are made of, as OpenAPI 3.1 has them. */
import type { JsonSchema } from "../../fields.js";

/** One API: a chapter of the page. */
export interface Section {
  /** The tag of its operations. */
  readonly name: string;
  readonly description: string;
  /** By path, with parameters in braces. */
  readonly paths: Readonly<Record<string, PathItem>>;
  /** What `ref` finds, by name. Names are unique among all sections. */
  readonly schemas: Readonly<Record<string, JsonSchema>>;
  /** The schema of an answer by which the server itself refuses a request, by name. */
  readonly refusal: string;
}

export interface PathItem {
  readonly get?: Operation;
  readonly post?: Operation;
  readonly parameters?: readonly Parameter[];
  /** Where the path is, when it is in more places than one. */
  readonly servers?: readonly { readonly url: string; readonly description: string }[];
}

export interface Operation {
  /** Unique; the page's links and generated clients use it. */
  readonly operationId: string;
  readonly summary: string;
  /** Markdown. */
  readonly description: string;
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly required: true; readonly content: Content };
  /** By status. */
  readonly responses: Readonly<Record<number, Answer>>;
  /** Empty where no API key is asked for; absent = as everywhere. */
  readonly security?: readonly [];
}

export interface Parameter {
  readonly name: string;
  readonly in: "path" | "query";
  readonly required: boolean;
  readonly description: string;
  readonly schema: JsonSchema;
  readonly example?: unknown;
}

export interface Answer {
  readonly description: string;
  readonly content: Content;
}

type Content = Readonly<Record<string, { readonly schema: JsonSchema; readonly example?: unknown }>>;

export function ref(schema: string): JsonSchema {
  return { $ref: `#/components/schemas/${schema}` };
}

/** @param example a request that the served model answers with 200. */
export function jsonBody(schema: JsonSchema, example: unknown): NonNullable<Operation["requestBody"]> {
  return { required: true, content: { "application/json": { schema, example } } };
}

export function json(description: string, schema: JsonSchema): Answer {
  return { description, content: { "application/json": { schema } } };
}

/**
 * Server-sent events. OpenAPI 3.1 has no words for them: the schema is that of an event's data, as OpenAI's own has it.
 * @param error the schema of the last event's data when something goes wrong once the status is out.
 */
export function events(description: string, schema: string, error: string): Answer {
  return { description, content: { "text/event-stream": { schema: { anyOf: [ref(schema), ref(error)] } } } };
}

/** One piece, or events, as the request chooses. */
export function jsonOrEvents(description: string, { content: inJson }: Answer, { content: inEvents }: Answer): Answer {
  return { description, content: { ...inJson, ...inEvents } };
}

/** Errors of one shape. */
export function errors(schema: string, descriptions: Readonly<Record<number, string>>): Record<number, Answer> {
  const listed = Object.entries(descriptions);
  return Object.fromEntries(listed.map(([status, description]) => [status, json(description, ref(schema))]));
}

/**
 * The schema of an answer: the compiler holds its keys to those of the answer's type.
 * @param optional keys that may be missing.
 */
export function answer<T extends object>(
  properties: { readonly [K in keyof T]-?: JsonSchema },
  optional: readonly (keyof T & string)[] = [],
): JsonSchema {
  const required = Object.keys(properties).filter((key) => !(optional as readonly string[]).includes(key));
  return { type: "object", properties, required };
}

export const text = { type: "string" } as const;
export const count = { type: "integer", minimum: 0 } as const;

export function oneOf(...values: readonly string[]): JsonSchema {
  return { type: "string", enum: values };
}

export function arrayOf(items: JsonSchema): JsonSchema {
  return { type: "array", items };
}

/** @param schema with a `type`. */
export function orNull(schema: JsonSchema & { readonly type: string }): JsonSchema {
  return { ...schema, type: [schema.type, "null"] };
}

/** A schema behind a reference takes no second type. */
export function refOrNull(schema: string): JsonSchema {
  return { anyOf: [ref(schema), { type: "null" }] };
}
