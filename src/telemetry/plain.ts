/** What JSON can hold. Undefined stands for a field that is left out. */
export type Plain = undefined | null | boolean | number | string | readonly Plain[] | { readonly [key: string]: Plain };

/** Deeper values are cut: a log line is no dump. */
const maxDepth = 6;

/**
 * The nearest thing to `value` that JSON can hold. Takes whatever there is (big integers, circles, errors with causes,
 * objects that throw when read) and never throws, since a log call must not be what fails.
 */
export function plainValue(value: unknown): Plain {
  return convert(value, []);
}

/** What is worth knowing of an error: its own fields (`code`, `parameter`, ...) too, and its causes. */
export function errorFields(error: Error): { readonly message: string; readonly stack: string | undefined } {
  return { message: readText(() => error.message) ?? "", stack: readText(() => error.stack) };
}

/** @param around The objects that `value` is inside of, to see circles. */
function convert(value: unknown, around: readonly object[]): Plain {
  switch (typeof value) {
    case "string":
    case "boolean":
    case "undefined":
      return value;
    case "number":
      return Number.isFinite(value) ? value : String(value); // JSON would say null
    case "bigint":
    case "symbol":
      return String(value);
    case "function":
      return `[function ${readText(() => value.name) ?? ""}]`;
    case "object":
      if (value === null) return null;
      if (around.includes(value)) return "[circular]";
      if (around.length >= maxDepth) return "[...]";
      try {
        return convertObject(value, [...around, value]);
      } catch {
        return "[unreadable]";
      }
  }
}

function convertObject(value: object, around: readonly object[]): Plain {
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? "[invalid date]" : value.toISOString();
  if (ArrayBuffer.isView(value)) return `[${value.constructor.name} of ${value.byteLength} bytes]`;
  if (value instanceof Map) return convert([...value.entries()], around);
  if (Array.isArray(value) || value instanceof Set) return [...value].map((item) => convert(item, around) ?? null);
  const entries = Object.entries(value).map(([key, item]) => [key, convert(item, around)] as const);
  if (!(value instanceof Error)) return Object.fromEntries(entries);
  const cause = value.cause === undefined ? {} : { cause: convert(value.cause, around) };
  return { name: value.name, ...errorFields(value), ...Object.fromEntries(entries), ...cause };
}

function readText(read: () => unknown): string | undefined {
  try {
    const value = read();
    return typeof value === "string" ? value : undefined;
  } catch {
    return undefined;
  }
}
