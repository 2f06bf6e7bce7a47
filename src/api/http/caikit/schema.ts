/**
 * Validation as pydantic does it in its lax mode, for the types that Caikit's request bodies are made of: which values
 * are taken for a number or a boolean, and the exact type and text of each issue (contract of Caikit, 6.2 and 6.5).
 */
import type { JsonObject, JsonValue } from "./json.js";

/** What is wrong with one value. */
export interface Issue {
  readonly type: string;
  /** Keys and indices from the body to the value. */
  readonly path: Path;
  readonly text: string;
  readonly input: JsonValue;
  readonly context?: Readonly<Record<string, string>>;
}
export type Path = readonly (string | number)[];

/** Reads one value; null when it has issues, which are added to `issues`. */
export type Reader<T> = (value: JsonValue, path: Path, issues: Issue[]) => T | null;

/** A reader, with what OpenAPI says of what it reads. */
export interface Schema<T> {
  readonly read: Reader<T>;
  readonly openApi: OpenApi;
  /** The classes that `openApi` refers to, by name. */
  readonly classes: Readonly<Record<string, OpenApi>>;
}
export type OpenApi = Readonly<Record<string, unknown>>;

/** Adds an issue; a schema returns what this returns. */
function refuse(issues: Issue[], issue: Issue): null {
  issues.push(issue);
  return null;
}

const readString: Reader<string> = (input, path, issues) => {
  if (typeof input === "string") return input;
  return refuse(issues, { type: "string_type", path, text: "Input should be a valid string", input });
};

const wholeNumber = /^[+-]?\d+(?:_\d+)*(?:\.0*)?$/;
/** Digits of an integer in text: more are refused, as in Python. */
const maxDigits = 4300;

const readInteger: Reader<bigint> = (input, path, issues) => {
  if (typeof input === "bigint") return input;
  if (typeof input === "boolean") return input ? 1n : 0n;
  if (typeof input === "number" && Number.isInteger(input)) return BigInt(input);
  const text = typeof input === "string" ? input.trim() : "";
  if (text.length <= maxDigits && wholeNumber.test(text)) return toBigInt(text);
  return refuse(issues, { ...integerIssue(input), path, input });
};

/** Takes what `BigInt` does not: a plus sign, underscores between digits, and zeros behind a point. */
function toBigInt(text: string): bigint {
  const digits = BigInt(text.replace(/^[+-]|_|\..*/g, ""));
  return text.startsWith("-") ? -digits : digits;
}

function integerIssue(input: JsonValue): Pick<Issue, "type" | "text"> {
  if (typeof input === "string") {
    return { type: "int_parsing", text: "Input should be a valid integer, unable to parse string as an integer" };
  }
  if (typeof input !== "number") return { type: "int_type", text: "Input should be a valid integer" };
  if (!Number.isFinite(input)) return { type: "finite_number", text: "Input should be a finite number" };
  return { type: "int_from_float", text: "Input should be a valid integer, got a number with a fractional part" };
}

const decimal = /^[+-]?(?:\d+(?:_\d+)*(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?$/i;
const nonFinite = /^[+-]?(?:inf(?:inity)?|nan)$/i;

const readNumber: Reader<number> = (input, path, issues) => {
  if (typeof input === "number") return input;
  if (typeof input === "bigint" || typeof input === "boolean") return Number(input);
  if (typeof input !== "string") {
    return refuse(issues, { type: "float_type", path, text: "Input should be a valid number", input });
  }
  const digits = input.trim();
  if (decimal.test(digits)) return Number(digits.replaceAll("_", ""));
  if (nonFinite.test(digits)) return toNonFinite(digits.toLowerCase());
  const text = "Input should be a valid number, unable to parse string as a number";
  return refuse(issues, { type: "float_parsing", path, text, input });
};

function toNonFinite(text: string): number {
  if (text.endsWith("nan")) return NaN;
  return text.startsWith("-") ? -Infinity : Infinity;
}

const yes = ["true", "1", "yes", "on", "t", "y"];
const no = ["false", "0", "no", "off", "f", "n"];

const readBoolean: Reader<boolean> = (input, path, issues) => {
  if (typeof input === "boolean") return input;
  const isFraction = typeof input === "number" && !Number.isInteger(input);
  if (isFraction || typeof input === "object") {
    return refuse(issues, { type: "bool_type", path, text: "Input should be a valid boolean", input });
  }
  const word = String(input).toLowerCase();
  if (yes.includes(word)) return true;
  if (no.includes(word)) return false;
  const text = "Input should be a valid boolean, unable to interpret input";
  return refuse(issues, { type: "bool_parsing", path, text, input });
};

export const string = plain("string", readString);
export const integer = plain("integer", readInteger);
export const number = plain("number", readNumber);
export const boolean = plain("boolean", readBoolean);

function plain<T>(type: string, read: Reader<T>): Schema<T> {
  return { read, openApi: { type }, classes: {} };
}

export function listOf<T>(item: Schema<T>): Schema<readonly T[]> {
  const openApi = { type: "array", items: item.openApi };
  return { read: readList(item.read), openApi, classes: item.classes };
}

function readList<T>(readItem: Reader<T>): Reader<readonly T[]> {
  return (input, path, issues) => {
    if (Array.isArray(input)) {
      const items = input as readonly JsonValue[]; // what is an array among JSON values
      return items.flatMap((each, index) => readItem(each, [...path, index], issues) ?? []);
    }
    return refuse(issues, { type: "list_type", path, text: "Input should be a valid array", input });
  };
}

type Fields = Readonly<Record<string, Schema<unknown>>>;
/** What a model reads: each field that was given. */
export type Read<F extends Fields> = { readonly [K in keyof F]?: Exclude<ReturnType<F[K]["read"]>, null> };

/** A schema of a class, which `openApi` refers to by its name; `body` describes the class itself. */
export interface ModelSchema<T> extends Schema<T> {
  readonly body: OpenApi;
}

/**
 * An object with these fields, all of them optional and none other.
 * @param className what pydantic calls the object's class.
 */
export function model<F extends Fields>(className: string, fields: F): ModelSchema<Read<F>> {
  const title = className.slice(className.lastIndexOf(".") + 1);
  const described = Object.entries(fields);
  const properties = Object.fromEntries(described.map(([key, { openApi }]) => [key, openApi]));
  const body = { type: "object", title, properties, additionalProperties: false };
  const inner = described.map(([, { classes }]) => classes);
  return {
    read: readModel(className, fields),
    // A bare reference would be enough, but a client of the contract looks for `allOf`.
    openApi: { allOf: [{ $ref: `#/components/schemas/${title}` }] },
    classes: Object.assign({ [title]: body }, ...inner) as Readonly<Record<string, OpenApi>>,
    body,
  };
}

function readModel<F extends Fields>(className: string, fields: F): Reader<Read<F>> {
  return (input, path, issues) => {
    if (!isObject(input)) {
      const context = { class_name: className };
      return refuse(issues, { type: "model_type", path, text: "Input should be an object", input, context });
    }
    for (const [key, value] of input) {
      if (Object.hasOwn(fields, key)) continue;
      const text = "Extra inputs are not permitted";
      issues.push({ type: "extra_forbidden", path: [...path, key], text, input: value });
    }
    const read = Object.entries(fields).map(([key, field]) => {
      const value = input.get(key);
      return [key, value === undefined ? undefined : field.read(value, [...path, key], issues)];
    });
    return Object.fromEntries(read) as Read<F>; // one entry for each field, read by its schema
  };
}

function isObject(value: JsonValue): value is JsonObject {
  return value instanceof Map;
}
