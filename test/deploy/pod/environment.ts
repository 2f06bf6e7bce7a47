/** The environment of a container, with the values that it takes from elsewhere. */
import { at, textAt, type JsonObject } from "../support/json.js";
import { ofKind, type Manifest } from "../support/manifests.js";

/**
 * @param entries The container's `env`.
 * @param manifests Where its Secrets are.
 * @param fields Of the pod, for `fieldRef`, by their paths.
 * @throws {Error} when something that is not optional is not there.
 */
export function environmentOf(
  entries: readonly JsonObject[],
  manifests: readonly Manifest[],
  fields: Readonly<Record<string, string>>,
): Record<string, string> {
  const pairs = entries.flatMap((entry) => {
    const value = valueOf(entry, manifests, fields);
    if (value !== undefined) return [[textAt(entry, "name"), value] as const];
    if (at(entry, "valueFrom", "secretKeyRef", "optional") === true) return [];
    throw new Error(`there is no value for ${JSON.stringify(entry)}`);
  });
  return Object.fromEntries(pairs);
}

function valueOf(
  entry: JsonObject,
  manifests: readonly Manifest[],
  fields: Readonly<Record<string, string>>,
): string | undefined {
  const { valueFrom } = entry;
  if (valueFrom === undefined) return textAt(entry, "value");
  const reference = at(valueFrom, "secretKeyRef");
  if (reference === undefined) return fields[textAt(valueFrom, "fieldRef", "fieldPath")];
  return dataOf("Secret", textAt(reference, "name"), manifests)?.[textAt(reference, "key")];
}

/** What a Secret or ConfigMap holds, decoded; undefined when there is none of this name. */
export function dataOf(
  kind: "Secret" | "ConfigMap",
  name: string,
  manifests: readonly Manifest[],
): Readonly<Record<string, string>> | undefined {
  const found = ofKind(manifests, kind).find(({ metadata }) => metadata.name === name);
  if (found === undefined) return undefined;
  const encoding = kind === "Secret" ? "base64" : "utf8";
  const decoded = textsOf(found["data"]).map(([key, text]) => [key, Buffer.from(text, encoding).toString()] as const);
  return Object.fromEntries([...decoded, ...textsOf(found["stringData"])]);
}

function textsOf(value: unknown): (readonly [string, string])[] {
  return Object.entries(value ?? {}).map(([key, text]) => [key, String(text)]);
}
