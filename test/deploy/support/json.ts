/** Looks into parsed YAML, whose shape nobody has promised. */

export type JsonObject = Readonly<Record<string, unknown>>;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** What is at a path of keys and indices, e.g. `at(runtime, "spec", "containers", 0)`; undefined where there is none. */
export function at(value: unknown, ...path: readonly (string | number)[]): unknown {
  let found = value;
  for (const step of path) {
    if (Array.isArray(found)) found = (found as unknown[])[Number(step)];
    else found = isObject(found) ? found[step] : undefined;
  }
  return found;
}

/** The objects in the list at a path; none where there is no list. */
export function objectsAt(value: unknown, ...path: readonly (string | number)[]): JsonObject[] {
  const found = at(value, ...path);
  return Array.isArray(found) ? found.filter(isObject) : [];
}

/** The texts in the list at a path; none where there is no list. */
export function textsAt(value: unknown, ...path: readonly (string | number)[]): string[] {
  const found = at(value, ...path);
  return Array.isArray(found) ? found.filter((item) => typeof item === "string") : [];
}

/** The text at a path; empty where there is none. */
export function textAt(value: unknown, ...path: readonly (string | number)[]): string {
  const found = at(value, ...path);
  return typeof found === "string" ? found : "";
}

/** Every key and every text in a value, however deep, with its path: `/spec/containers/0/image`. */
export function* everything(value: unknown, path = ""): Generator<{ readonly path: string; readonly value: unknown }> {
  yield { path, value };
  if (typeof value !== "object" || value === null) return;
  for (const [key, inner] of Object.entries(value)) yield* everything(inner, `${path}/${key}`);
}
