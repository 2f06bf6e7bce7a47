/**
 * What a kubelet is told to run: one container of a pod, read out of rendered manifests. From a Deployment or a
 * StatefulSet as it stands; from an InferenceService and its runtime as KServe merges them.
 */
import { at, isObject, objectsAt, textAt, textsAt, type JsonObject } from "../support/json.js";
import { nameOf, ofKind, theOne, type Manifest } from "../support/manifests.js";
import { environmentOf } from "./environment.js";
import { readMounts, type Claims, type Mount } from "./mounts.js";
import { readProbe, type Probe } from "./probe.js";

export interface Pod {
  readonly name: string;
  /** Replaces the image's entrypoint; empty for the image's own. */
  readonly command: readonly string[];
  /** Replaces the image's command; empty for the image's own. */
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly mounts: readonly Mount[];
  readonly startup: Probe;
  readonly readiness: Probe;
  readonly liveness: Probe;
  /** What a `preStop` hook sleeps before SIGTERM; it counts towards the grace period. */
  readonly preStopSeconds: number;
  readonly graceSeconds: number;
  readonly memoryBytes: number;
  readonly isRootReadOnly: boolean;
  readonly mayGainPrivileges: boolean;
}

/** The pod of the only Deployment or StatefulSet; of that, the first one. */
export function podOfWorkload(manifests: readonly Manifest[], claims: Claims = {}): Pod {
  const isStateful = ofKind(manifests, "StatefulSet").length > 0;
  const workload = theOne(manifests, isStateful ? "StatefulSet" : "Deployment");
  const name = isStateful ? `${workload.metadata.name}-0` : workload.metadata.name;
  const spec = at(workload, "spec", "template", "spec");
  const [container = {}] = objectsAt(spec, "containers");
  const graceSeconds = numberAt(spec, "terminationGracePeriodSeconds") ?? 30;
  const volumes = [...objectsAt(spec, "volumes"), ...claimedVolumes(workload, name)];
  return toPod(container, { name, volumes, graceSeconds }, manifests, claims);
}

/** A StatefulSet makes a claim for each pod and template, and a volume of the template's name. */
function claimedVolumes(workload: Manifest, podName: string): JsonObject[] {
  return objectsAt(workload, "spec", "volumeClaimTemplates").map((template) => {
    const name = textAt(template, "metadata", "name");
    return { name, persistentVolumeClaim: { claimName: `${name}-${podName}` } };
  });
}

/** The pod that KServe makes of the only InferenceService and the runtime that it names. */
export function podOfPredictor(manifests: readonly Manifest[], claims: Claims = {}): Pod {
  const service = theOne(manifests, "InferenceService");
  const predictor = at(service, "spec", "predictor");
  const runtime = theOne(manifests, "ServingRuntime", textAt(predictor, "model", "runtime"));
  const container = fillTemplates(mergeContainer(runtime, at(predictor, "model")), service);
  const model = modelVolume(textAt(predictor, "model", "storageUri"));
  const volumes = [...objectsAt(runtime, "spec", "volumes"), ...objectsAt(predictor, "volumes"), ...model.volumes];
  const mounted = { ...container, volumeMounts: [...objectsAt(container, "volumeMounts"), ...model.volumeMounts] };
  const own = { name: `${service.metadata.name}-predictor`, volumes, graceSeconds: graceOf(service) };
  return toPod(mounted, own, manifests, claims);
}

interface PodFields {
  readonly name: string;
  readonly volumes: readonly JsonObject[];
  readonly graceSeconds: number;
}

function toPod(container: JsonObject, own: PodFields, manifests: readonly Manifest[], claims: Claims): Pod {
  const fields = { "metadata.name": own.name };
  return {
    name: own.name,
    command: textsAt(container, "command"),
    args: textsAt(container, "args"),
    env: environmentOf(objectsAt(container, "env"), manifests, fields),
    mounts: readMounts(objectsAt(container, "volumeMounts"), own.volumes, manifests, claims),
    startup: readProbe(container, "startupProbe"),
    readiness: readProbe(container, "readinessProbe"),
    liveness: readProbe(container, "livenessProbe"),
    preStopSeconds: numberAt(container, "lifecycle", "preStop", "sleep", "seconds") ?? 0,
    graceSeconds: own.graceSeconds,
    memoryBytes: parseBytes(textAt(container, "resources", "limits", "memory")),
    isRootReadOnly: at(container, "securityContext", "readOnlyRootFilesystem") === true,
    mayGainPrivileges: at(container, "securityContext", "allowPrivilegeEscalation") !== false,
  };
}

/** Arguments of both, one behind the other; lists by their keys; for the rest the InferenceService wins. */
function mergeContainer(runtime: Manifest, model: unknown): JsonObject {
  const container = objectsAt(runtime, "spec", "containers").find(({ name }) => name === "kserve-container");
  if (container === undefined || !isObject(model)) throw new Error(`${nameOf(runtime)} has no kserve-container`);
  return {
    ...container,
    ...model,
    args: [...textsAt(container, "args"), ...textsAt(model, "args")],
    env: mergeBy("name", container["env"], model["env"]),
    volumeMounts: mergeBy("mountPath", container["volumeMounts"], model["volumeMounts"]),
    resources: {
      limits: { ...objectAt(container, "resources", "limits"), ...objectAt(model, "resources", "limits") },
    },
  };
}

function mergeBy(key: string, ...lists: readonly unknown[]): JsonObject[] {
  const items = lists.flatMap((list) => objectsAt(list));
  return [...new Map(items.map((item) => [item[key], item])).values()];
}

/** KServe fills templates in the container as JSON. */
function fillTemplates(container: JsonObject, service: Manifest): JsonObject {
  const filled = JSON.stringify(container).replaceAll("{{.Name}}", service.metadata.name);
  if (filled.includes("{{")) throw new Error(`${nameOf(service)}: a template other than {{.Name}} in ${filled}`);
  return JSON.parse(filled) as JsonObject; // an object before, and an object again
}

/** KServe mounts the folder of a claim where the runtimes look for their model. */
function modelVolume(storageUri: string): Record<"volumes" | "volumeMounts", JsonObject[]> {
  if (storageUri === "") return { volumes: [], volumeMounts: [] };
  const [, claimName, subPath = ""] = /^pvc:\/\/([^/]+)\/?(.*)$/.exec(storageUri) ?? [];
  if (claimName === undefined) throw new Error(`${storageUri}: another container would fetch this one`);
  const name = "kserve-pvc-source";
  return {
    volumes: [{ name, persistentVolumeClaim: { claimName } }],
    volumeMounts: [{ name, mountPath: "/mnt/models", subPath, readOnly: true }],
  };
}

/** Knative takes the timeout of a request as the pod's grace period; 300 is its own default. */
function graceOf(service: Manifest): number {
  const isKnative = at(service, "metadata", "annotations", "serving.kserve.io/deploymentMode") === "Serverless";
  const predictor = at(service, "spec", "predictor");
  return isKnative
    ? (numberAt(predictor, "timeout") ?? 300)
    : (numberAt(predictor, "terminationGracePeriodSeconds") ?? 30);
}

const units: Readonly<Record<string, number>> = { Mi: 2 ** 20, Gi: 2 ** 30, Ti: 2 ** 40 };

/** A quantity such as `4Gi`. */
function parseBytes(quantity: string): number {
  const [, count, unit = ""] = /^(\d+)(\w+)$/.exec(quantity) ?? [];
  const bytes = Number(count) * (units[unit] ?? NaN);
  if (Number.isNaN(bytes)) throw new Error(`no memory limit in Mi, Gi or Ti: "${quantity}"`);
  return bytes;
}

function numberAt(value: unknown, ...path: readonly (string | number)[]): number | undefined {
  const found = at(value, ...path);
  return typeof found === "number" ? found : undefined;
}

function objectAt(value: unknown, ...path: readonly string[]): JsonObject {
  const found = at(value, ...path);
  return isObject(found) ? found : {};
}
