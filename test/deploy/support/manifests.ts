/**
 * Reads Kubernetes manifests and holds them to the schemas of their kinds (`test/deploy/schemas`), which are made
 * from the CRDs and from Kubernetes' own API: unknown fields are faults, where the API server would drop them without
 * a word. What admission webhooks and CEL rules check, no schema says.
 */
import { readdirSync, readFileSync } from "node:fs";
import { Ajv, type ErrorObject } from "ajv";
import { parseAllDocuments } from "yaml";
import { isObject, objectsAt, textAt, type JsonObject } from "./json.js";
import { narrow } from "./narrow.js";

/** One Kubernetes object, as it was parsed. */
export interface Manifest extends JsonObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: JsonObject & { readonly name: string };
}

const schemasFolder = new URL("../schemas/", import.meta.url);

const ajv = new Ajv({
  strict: false,
  allErrors: true,
  validateFormats: false,
  verbose: true,
  code: { optimize: false },
});
const schemas = new Map<string, JsonObject>();

/**
 * Reads YAML 1.1, which is what Kubernetes reads: `on` is true, and `0644` is octal. Empty documents, as charts leave
 * them, are passed over.
 *
 * @throws {Error} when it is no YAML, or holds something that is no Kubernetes object.
 */
export function parseManifests(yamlText: string): Manifest[] {
  const documents = parseAllDocuments(yamlText, { version: "1.1" });
  return documents.flatMap((document) => {
    const [error] = document.errors;
    if (error !== undefined) throw error;
    const value: unknown = document.toJS();
    if (value === null || value === undefined) return [];
    if (!isManifest(value)) throw new Error(`no Kubernetes object: ${JSON.stringify(value).slice(0, 200)}`);
    return [value];
  });
}

/** @returns what is wrong with an object by the schema of its kind, one sentence with a path each; none if valid. */
export function findFaults(manifest: Manifest): string[] {
  const schema = schemaOf(manifest);
  if (schema === undefined) return [`${nameOf(manifest)}: there is no schema for ${manifest.apiVersion}`];
  const validate = ajv.compile(narrow(schema, [manifest]) as JsonObject); // a schema stays one
  if (validate(manifest)) return [];
  return (validate.errors ?? []).map((error) => `${nameOf(manifest)}${error.instancePath} ${describe(error)}`);
}

/** `Service/gpt2`: how people and `kubectl` call an object. */
export function nameOf({ kind, metadata }: Manifest): string {
  return `${kind}/${metadata.name}`;
}

export function ofKind(manifests: readonly Manifest[], ...kinds: readonly string[]): Manifest[] {
  return manifests.filter(({ kind }) => kinds.includes(kind));
}

/** The only object of its kind, or of that name. @throws {Error} when there are none or several. */
export function theOne(manifests: readonly Manifest[], kind: string, name?: string): Manifest {
  const found = ofKind(manifests, kind).filter(({ metadata }) => name === undefined || metadata.name === name);
  const [first] = found;
  if (first === undefined || found.length > 1) throw new Error(`${found.length} ${kind} ${name ?? ""}, not one`);
  return first;
}

export function annotationsOf(manifest: Manifest): JsonObject {
  return objectOrEmpty(manifest.metadata["annotations"]);
}

export function labelsOf(manifest: Manifest): JsonObject {
  return objectOrEmpty(manifest.metadata["labels"]);
}

/**
 * The containers that an object runs, init containers not among them: of a runtime, a pod, or of whatever has a pod
 * template. An InferenceService has none; its `spec.predictor.model` is a part of one.
 */
export function containersOf(manifest: Manifest): JsonObject[] {
  return [
    ...objectsAt(manifest, "spec", "containers"),
    ...objectsAt(manifest, "spec", "template", "spec", "containers"),
  ];
}

function schemaOf({ apiVersion, kind }: Manifest): JsonObject | undefined {
  if (schemas.size === 0) readSchemas();
  return schemas.get(`${apiVersion} ${kind}`);
}

function readSchemas(): void {
  for (const name of readdirSync(schemasFolder).filter((name) => name.endsWith(".json"))) {
    const schema: unknown = JSON.parse(readFileSync(new URL(name, schemasFolder), "utf8"));
    if (!isObject(schema)) throw new Error(`${name} is no schema`);
    const constant = (field: string) => textAt(schema, "properties", field, "const");
    schemas.set(`${constant("apiVersion")} ${constant("kind")}`, { ...schema, $id: undefined }); // compiled for many objects, under no name
  }
}

/** With what the rule is about, which ajv's message leaves out, and what was found. */
function describe({ keyword, message = keyword, params, data }: ErrorObject): string {
  const facts = Object.entries(params as JsonObject).map(([name, fact]) => `${name} ${JSON.stringify(fact)}`);
  const found = typeof data === "object" ? "" : `, got ${JSON.stringify(data)}`;
  return `${message} (${facts.join(", ")})${found}`;
}

function isManifest(value: unknown): value is Manifest {
  return (
    ["apiVersion", "kind"].every((field) => textAt(value, field) !== "") && textAt(value, "metadata", "name") !== ""
  );
}

function objectOrEmpty(value: unknown): JsonObject {
  return isObject(value) ? value : {};
}
