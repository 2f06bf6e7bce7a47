/**
 * Bodies of requests as tables of fields: one table reads a body, checks it and documents it, so that the OpenAPI
 * document cannot say something else than the code does.
 */

import { ToldError } from "./errors.js";

/** A JSON Schema, as the OpenAPI document shows it. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** How a JSON value is read, and what is said of it. */
export interface Field<T> {
  readonly schema: JsonSchema;
  /** False when `null`, or nothing at all, will do. */
  readonly isRequired: boolean;
  /**
   * @param path where the value is in the body, e.g. `parameters.stop[1]`.
   * @throws {FieldError}
   */
  read(value: unknown, path: string): T;
}

/** A value that its field does not take. */
export class FieldError extends ToldError {
  override readonly name = "FieldError";

  constructor(
    readonly field: string,
    message: string,
  ) {
    super(message);
  }
}

export interface Range {
  readonly minimum?: number;
  readonly exclusiveMinimum?: number;
  readonly maximum?: number;
}

export const string: Field<string> = leaf({ type: "string" }, "a string", (value) => typeof value === "string");

export const boolean: Field<boolean> = leaf({ type: "boolean" }, "a boolean", (value) => typeof value === "boolean");

export function number(range: Range = {}): Field<number> {
  const isNumber = (value: unknown): value is number => typeof value === "number" && isWithin(value, range);
  return leaf({ type: "number", ...range }, `a number${interval(range)}`, isNumber);
}

export function integer(range: Range = {}): Field<number> {
  const isInteger = (value: unknown): value is number => Number.isInteger(value) && isWithin(Number(value), range);
  return leaf({ type: "integer", ...range }, `an integer${interval(range)}`, isInteger);
}

/** @param counts how many items there may be. */
export function listOf<T>(
  item: Field<T>,
  counts: { readonly minItems?: number; readonly maxItems?: number } = {},
): Field<T[]> {
  const { minItems = 0, maxItems = Infinity } = counts;
  const rule =
    maxItems === Infinity ? `an array of at least ${minItems} items` : `an array of ${minItems} to ${maxItems} items`;
  return {
    schema: { type: "array", items: item.schema, ...counts },
    isRequired: true,
    read: (value, path) => {
      if (!Array.isArray(value)) throw refused(path, "an array", value);
      if (value.length < minItems || value.length > maxItems) throw refused(path, rule, value.length);
      return value.map((each, index) => item.read(each, `${path}[${index}]`));
    },
  };
}

/** An object of any keys. */
export function mapOf<T>(item: Field<T>): Field<Map<string, T>> {
  return {
    schema: { type: "object", additionalProperties: item.schema },
    isRequired: true,
    read: (value, path) => {
      if (!isObject(value)) throw refused(path, "an object", value);
      return new Map(Object.entries(value).map(([key, each]) => [key, item.read(each, `${path}.${key}`)]));
    },
  };
}

/**
 * What the first alternative that takes the value makes of it.
 * @param rule what a value has to be, with its article: `a string or an array of strings`.
 */
export function anyOf<T>(rule: string, ...alternatives: readonly Field<T>[]): Field<T> {
  return {
    schema: { anyOf: alternatives.map(({ schema }) => schema) },
    isRequired: true,
    read: (value, path) => {
      for (const alternative of alternatives) {
        try {
          return alternative.read(value, path);
        } catch (error) {
          if (!(error instanceof FieldError)) throw error;
        }
      }
      throw refused(path, rule, value);
    },
  };
}

/** The same value in another form. */
export function mapped<T, U>(field: Field<T>, convert: (value: T) => U): Field<U> {
  return { ...field, read: (value, path) => convert(field.read(value, path)) };
}

/** `null` is as good as nothing. */
export function optional<T>(field: Field<T>): Field<T | undefined> {
  const read = (value: unknown, path: string): T | undefined => (value == null ? undefined : field.read(value, path));
  return { ...field, isRequired: false, read };
}

/** @param value what stands for `null` or nothing. */
export function withDefault<T>(field: Field<T>, value: T): Field<T> {
  const given = optional(field);
  return {
    ...field,
    schema: { ...field.schema, default: value },
    isRequired: false,
    read: (json, path) => given.read(json, path) ?? value,
  };
}

/** What an object with these fields is read to. */
export type Fields<F> = { readonly [K in keyof F]: F[K] extends Field<infer T> ? T : never };

/** An object with named fields; others are ignored. */
export function object<F extends Readonly<Record<string, Field<unknown>>>>(fields: F): Field<Fields<F>> {
  const entries = Object.entries(fields);
  const required = entries.filter(([, { isRequired }]) => isRequired).map(([name]) => name);
  const properties = Object.fromEntries(entries.map(([name, { schema }]) => [name, schema]));
  return {
    schema: { type: "object", properties, ...(required.length > 0 && { required }) },
    isRequired: true,
    read: (value, path) => {
      if (!isObject(value)) throw refused(path === "" ? "body" : path, "an object", value);
      const prefix = path === "" ? "" : `${path}.`;
      const read = entries.map(([name, field]) => [name, readNamed(field, value, name, prefix)] as const);
      return Object.fromEntries(read) as Fields<F>;
    },
  };
}

function readNamed<T>(field: Field<T>, parent: Readonly<Record<string, unknown>>, name: string, prefix: string): T {
  const path = prefix + name;
  const value = Object.hasOwn(parent, name) ? parent[name] : undefined; // every object inherits a `constructor`
  if (value === undefined && field.isRequired) throw new FieldError(path, `${path} is missing`);
  return field.read(value, path);
}

function leaf<T>(schema: JsonSchema, rule: string, accepts: (value: unknown) => value is T): Field<T> {
  const read = (value: unknown, path: string): T => {
    if (!accepts(value)) throw refused(path, rule, value);
    return value;
  };
  return { schema, isRequired: true, read };
}

function refused(path: string, rule: string, value: unknown): FieldError {
  return new FieldError(path, `${path} must be ${rule}, got ${shown(value)}`);
}

const maxShownLength = 60;

function shown(value: unknown): string {
  const text = value === undefined ? "nothing" : JSON.stringify(value);
  return text.length <= maxShownLength ? text : `${text.slice(0, maxShownLength)}...`;
}

function isWithin(value: number, { minimum = -Infinity, exclusiveMinimum = -Infinity, maximum = Infinity }: Range) {
  return value >= minimum && value > exclusiveMinimum && value <= maximum;
}

function interval({ minimum, exclusiveMinimum, maximum }: Range): string {
  const start = minimum === undefined ? `(${exclusiveMinimum ?? "-infinity"}` : `[${minimum}`;
  const end = maximum === undefined ? "infinity)" : `${maximum}]`;
  return start.includes("infinity") && end.includes("infinity") ? "" : ` in ${start}, ${end}`;
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
