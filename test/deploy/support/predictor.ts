/** What KServe makes of an InferenceService and its runtime: the parts of its merge that the server sees. */
import { at, objectsAt, textAt, textsAt, type JsonObject } from "./json.js";
import { containersOf, ofKind, type Manifest } from "./manifests.js";

export interface Predictor {
  readonly args: readonly string[];
  /** With the values of Secrets among the same objects. */
  readonly environment: Readonly<Record<string, string>>;
}

/**
 * Arguments of the runtime, then those of the InferenceService; its name where `{{.Name}}` is; the environment of
 * both.
 * @param manifests Where its Secrets are.
 */
export function predictorOf(service: Manifest, runtime: Manifest, manifests: readonly Manifest[]): Predictor {
  const [container = {}] = containersOf(runtime);
  const model = at(service, "spec", "predictor", "model");
  const args = [...textsAt(container, "args"), ...textsAt(model, "args")];
  const env = [...objectsAt(container, "env"), ...objectsAt(model, "env")];
  return {
    args: args.map((arg) => arg.replaceAll("{{.Name}}", service.metadata.name)),
    environment: Object.fromEntries(env.map((entry) => [textAt(entry, "name"), valueOf(entry, manifests)])),
  };
}

/** The value itself, or the one in the Secret. @throws {Error} when the Secret or its key is not there. */
function valueOf(entry: JsonObject, manifests: readonly Manifest[]): string {
  const value = at(entry, "value");
  if (typeof value === "string") return value;
  const name = textAt(entry, "valueFrom", "secretKeyRef", "name");
  const key = textAt(entry, "valueFrom", "secretKeyRef", "key");
  const secret = ofKind(manifests, "Secret").find(({ metadata }) => metadata.name === name);
  const held = at(secret, "stringData", key);
  if (typeof held !== "string") throw new Error(`${textAt(entry, "name")}: no Secret ${name} with the key ${key}`);
  return held;
}
