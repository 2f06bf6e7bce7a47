/** Anything that JSON can say. */
export type Json = Readonly<Record<string, unknown>>;

/** The message without fields that are undefined. */
export function withoutUndefined(message: Json): Json {
  return Object.fromEntries(Object.entries(message).filter(([, value]) => value !== undefined));
}

/** The message with these fields only; all of them when no names are given. */
export function keeping(message: Json, names: readonly string[] | undefined): Json {
  return Object.fromEntries(Object.entries(message).filter(([name]) => names?.includes(name) ?? true));
}

/** The message without these fields. */
export function without(message: Json, names: readonly string[]): Json {
  return Object.fromEntries(Object.entries(message).filter(([name]) => !names.includes(name)));
}

/** The text of a field, which absence means to be empty. */
export function textOf(message: Json, name: string): string {
  const text = message[name] ?? "";
  return typeof text === "string" ? text : JSON.stringify(text);
}
