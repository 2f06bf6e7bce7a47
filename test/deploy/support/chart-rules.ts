/**
 * What must hold between the objects of a release, and within them, and no schema says. Each rule looks at all of
 * them and gives one sentence for each breach.
 */
import { at, everything, isObject, objectsAt, textAt, textsAt, type JsonObject } from "./json.js";
import { containersOf, labelsOf, nameOf, ofKind, type Manifest } from "./manifests.js";

type Rule = (manifests: readonly Manifest[]) => string[];

const workloadsOf = (manifests: readonly Manifest[]) => ofKind(manifests, "Deployment", "StatefulSet");
const kserveKinds = ["ServingRuntime", "InferenceService"];

/** Labels of the server's pods: of the template, or the one that KServe gives to an InferenceService's pods. */
function podLabelsOf(manifests: readonly Manifest[]): JsonObject[] {
  const templates = workloadsOf(manifests).map((workload) => at(workload, "spec", "template", "metadata", "labels"));
  const names = ofKind(manifests, "InferenceService").map(({ metadata }) => metadata.name);
  return [...templates.filter(isObject), ...names.map((name) => ({ "serving.kserve.io/inferenceservice": name }))];
}

function includes(labels: JsonObject, selector: unknown): boolean {
  return (
    isObject(selector) &&
    Object.keys(selector).length > 0 &&
    Object.entries(selector).every(([key, value]) => labels[key] === value)
  );
}

/** Where an object of a kind says which pods it means. */
const selectorPaths: Readonly<Record<string, readonly string[]>> = {
  Deployment: ["spec", "selector", "matchLabels"],
  StatefulSet: ["spec", "selector", "matchLabels"],
  Service: ["spec", "selector"],
  PodDisruptionBudget: ["spec", "selector", "matchLabels"],
  NetworkPolicy: ["spec", "podSelector", "matchLabels"],
  InferencePool: ["spec", "selector", "matchLabels"],
  PodMonitor: ["spec", "selector", "matchLabels"],
};

const selectorsMeanTheServer: Rule = (manifests) => {
  const servers = podLabelsOf(manifests);
  const others = ofKind(manifests, "Pod").map(labelsOf);
  return ofKind(manifests, ...Object.keys(selectorPaths)).flatMap((manifest) => {
    const selector = at(manifest, ...(selectorPaths[manifest.kind] ?? []));
    return [
      ...(servers.some((labels) => includes(labels, selector)) ? [] : [`${nameOf(manifest)} selects no server`]),
      ...(others.some((labels) => includes(labels, selector)) ? [`${nameOf(manifest)} selects the test pod`] : []),
    ];
  });
};

const monitorsFindTheirPort: Rule = (manifests) => {
  const services = ofKind(manifests, "Service");
  return ofKind(manifests, "ServiceMonitor").flatMap((monitor) => {
    const selected = services.filter((service) =>
      includes(labelsOf(service), at(monitor, "spec", "selector", "matchLabels")),
    );
    const ports = selected.flatMap((service) => objectsAt(service, "spec", "ports").map((port) => port["name"]));
    const wanted = objectsAt(monitor, "spec", "endpoints").map((endpoint) => endpoint["port"]);
    const isFound = selected.length === 1 && wanted.every((port) => ports.includes(port));
    return isFound
      ? []
      : [`${nameOf(monitor)} wants ports ${wanted.join()}, and ${selected.length} Services have ${ports.join()}`];
  });
};

/** Numbers and names that a pod's containers declare. */
function declaredPorts(manifests: readonly Manifest[]): unknown[] {
  const containers = [...workloadsOf(manifests), ...ofKind(manifests, "ServingRuntime")].flatMap(containersOf);
  return containers
    .flatMap((container) => objectsAt(container, "ports"))
    .flatMap((port) => [port["name"], port["containerPort"]]);
}

const servicesReachDeclaredPorts: Rule = (manifests) => {
  const declared = declaredPorts(manifests);
  return ofKind(manifests, "Service").flatMap((service) =>
    objectsAt(service, "spec", "ports")
      .map((port) => port["targetPort"])
      .filter((target) => typeof target === "string" && !declared.includes(target))
      .map((target) => `${nameOf(service)} leads to port ${String(target)}, which no pod declares`),
  );
};

const routesReachServicePorts: Rule = (manifests) => {
  const offered = ofKind(manifests, "Service").flatMap((service) =>
    objectsAt(service, "spec", "ports").map((port) => `${service.metadata.name}:${String(port["port"])}`),
  );
  return ofKind(manifests, "Ingress", "HTTPRoute", "GRPCRoute").flatMap((route) => {
    const rules = objectsAt(route, "spec", "rules");
    const paths = rules
      .flatMap((rule) => objectsAt(rule, "http", "paths"))
      .map((path) => at(path, "backend", "service"));
    const backends = [
      ...paths.map((service) => `${textAt(service, "name")}:${String(at(service, "port", "number"))}`),
      ...rules
        .flatMap((rule) => objectsAt(rule, "backendRefs"))
        .map((ref) => `${textAt(ref, "name")}:${String(ref["port"])}`),
    ];
    const missing = backends.filter((backend) => !offered.includes(backend));
    return backends.length === 0
      ? [`${nameOf(route)} leads nowhere`]
      : missing.map((backend) => `${nameOf(route)} leads to ${backend}, which is not there`);
  });
};

/** A Service's port name may have 63 characters, a container's 15; and a mesh reads both. */
const portNamesAreShortAndDifferent: Rule = (manifests) =>
  manifests.flatMap((manifest) => {
    const lists = [
      ...containersOf(manifest).map((container) => objectsAt(container, "ports")),
      ...(manifest.kind === "Service" ? [objectsAt(manifest, "spec", "ports")] : []),
    ];
    return lists.flatMap((ports) => {
      const names = ports.map((port) => textAt(port, "name"));
      const bad = names.filter((name, index) => name === "" || name.length > 15 || names.indexOf(name) !== index);
      return bad.map((name) => `${nameOf(manifest)} has a port named "${name}"`);
    });
  });

/** Knative renames the port, after which a probe by name finds nothing. */
const probesNameNumbers: Rule = (manifests) =>
  manifests.flatMap((manifest) =>
    containersOf(manifest).flatMap((container) =>
      ["startupProbe", "readinessProbe", "livenessProbe"].flatMap((probe) => {
        const port = at(container, probe, "httpGet", "port") ?? at(container, probe, "grpc", "port");
        const isDue = manifest.kind !== "Pod";
        return isDue && typeof port !== "number" ? [`${nameOf(manifest)} has no ${probe} by a port's number`] : [];
      }),
    ),
  );

const everyMountHasItsVolume: Rule = (manifests) =>
  manifests.flatMap((manifest) => {
    const spec = manifest.kind === "ServingRuntime" ? at(manifest, "spec") : at(manifest, "spec", "template", "spec");
    const named = (list: readonly JsonObject[], ...path: string[]) => list.map((item) => textAt(item, ...path));
    const volumes = [
      ...named(objectsAt(spec, "volumes"), "name"),
      ...named(objectsAt(manifest, "spec", "volumeClaimTemplates"), "metadata", "name"),
    ];
    const mounts = containersOf(manifest).flatMap((container) => named(objectsAt(container, "volumeMounts"), "name"));
    return [
      ...mounts
        .filter((name) => !volumes.includes(name))
        .map((name) => `${nameOf(manifest)} mounts ${name}, which it does not have`),
      ...volumes
        .filter((name) => !mounts.includes(name))
        .map((name) => `${nameOf(manifest)} has the volume ${name} and does not mount it`),
    ];
  });

const fixedIdentity = /\/(runAsUser|runAsGroup|fsGroup)$/;

/** OpenShift gives each namespace users and groups of its own, and refuses others. */
const nobodyIsFixed: Rule = (manifests) =>
  manifests.flatMap((manifest) =>
    [...everything(manifest)]
      .filter(({ path }) => fixedIdentity.test(path))
      .map(({ path }) => `${nameOf(manifest)} fixes ${path}`),
  );

/** The restricted Pod Security Standard, for each container. */
const containersAreRestricted: Rule = (manifests) =>
  manifests.flatMap((manifest) =>
    containersOf(manifest).flatMap((container) => {
      const context = container["securityContext"];
      const isRestricted =
        at(context, "runAsNonRoot") === true &&
        at(context, "allowPrivilegeEscalation") === false &&
        at(context, "readOnlyRootFilesystem") === true &&
        textsAt(context, "capabilities", "drop").includes("ALL") &&
        textAt(context, "seccompProfile", "type") === "RuntimeDefault";
      return isRestricted ? [] : [`${nameOf(manifest)} has a container that is not restricted`];
    }),
  );

const knativeGetsWhatItAllows: Rule = (manifests) => {
  const isKnative = ofKind(manifests, "InferenceService").some(
    (service) => at(service, "metadata", "annotations", "serving.kserve.io/deploymentMode") === "Serverless",
  );
  const ports = ofKind(manifests, "ServingRuntime")
    .flatMap(containersOf)
    .flatMap((container) => objectsAt(container, "ports"));
  const names = ports.map((port) => textAt(port, "name"));
  const inPods = ofKind(manifests, ...kserveKinds).flatMap((manifest) =>
    [...everything(manifest)].map(({ path }) => path),
  );
  return [
    ...inPods.filter((path) => path.endsWith("/lifecycle")).map((path) => `KServe has ${path}`),
    ...(isKnative && !["h2c", "http1"].includes(names.join()) ? [`Knative has the ports ${names.join()}`] : []),
    ...inPods
      .filter((path) => isKnative && path.endsWith("/topologySpreadConstraints"))
      .map((path) => `Knative has ${path}`),
  ];
};

/** Two that set the number of pods undo each other's work. */
const oneSetsTheReplicas: Rule = (manifests) => {
  const scalers = ofKind(manifests, "HorizontalPodAutoscaler", "ScaledObject");
  return workloadsOf(manifests).flatMap((workload) => {
    const setters = scalers.filter((scaler) => at(scaler, "spec", "scaleTargetRef", "name") === workload.metadata.name);
    const isTarget = setters.every((scaler) => at(scaler, "spec", "scaleTargetRef", "kind") === workload.kind);
    const count = setters.length + (at(workload, "spec", "replicas") === undefined ? 0 : 1);
    return count === 1 && isTarget && setters.length === scalers.length
      ? []
      : [`${count} set the replicas of ${nameOf(workload)}`];
  });
};

const rules: readonly Rule[] = [
  selectorsMeanTheServer,
  monitorsFindTheirPort,
  servicesReachDeclaredPorts,
  routesReachServicePorts,
  portNamesAreShortAndDifferent,
  probesNameNumbers,
  everyMountHasItsVolume,
  nobodyIsFixed,
  containersAreRestricted,
  knativeGetsWhatItAllows,
  oneSetsTheReplicas,
];

/** @returns one sentence for each rule that the objects of a release break; none when they fit together. */
export function breachesIn(manifests: readonly Manifest[]): string[] {
  return rules.flatMap((rule) => rule(manifests));
}
