/**
 * What Kueue and KubeRay ask of a RayJob and its queue, and no schema says. Each rule gives one sentence for each
 * breach.
 */
import { at, isObject, objectsAt, textAt, type JsonObject } from "../support/json.js";
import { labelsOf, nameOf, ofKind, type Manifest } from "../support/manifests.js";

const groupsOf = (job: Manifest) => objectsAt(job, "spec", "rayClusterSpec", "workerGroupSpecs");

/** Pod specs of the job: submitter, head, then each group of workers. */
function podsOf(job: Manifest): unknown[] {
  return [
    at(job, "spec", "submitterPodTemplate", "spec"),
    at(job, "spec", "rayClusterSpec", "headGroupSpec", "template", "spec"),
    ...groupsOf(job).map((group) => at(group, "template", "spec")),
  ];
}

const rayContainersOf = (job: Manifest) =>
  podsOf(job)
    .slice(1)
    .flatMap((pod) => objectsAt(pod, "containers"));
const containersOf = (job: Manifest) => podsOf(job).flatMap((pod) => objectsAt(pod, "containers"));

const requestsOf = (container: JsonObject) => {
  const requests = at(container, "resources", "requests");
  return isObject(requests) ? Object.keys(requests) : [];
};

function breachesOfJob(job: Manifest, queues: readonly Manifest[]): string[] {
  const queue = labelsOf(job)["kueue.x-k8s.io/queue-name"];
  const known = queues.length === 0 || queues.some(({ metadata }) => metadata.name === queue);
  const version = textAt(job, "spec", "rayClusterSpec", "rayVersion");
  const rules: readonly [isKept: boolean, breach: string][] = [
    [typeof queue === "string" && queue !== "" && known, "has no LocalQueue in its labels"],
    [at(job, "spec", "suspend") === undefined, "says suspend, which is Kueue's to set"],
    [at(job, "spec", "shutdownAfterJobFinishes") === true, "does not shut down its cluster"],
    [at(job, "spec", "clusterSelector") === undefined, "has a clusterSelector"],
    [at(job, "spec", "rayClusterSpec", "enableInTreeAutoscaling") === undefined, "scales by itself"],
    [/^[a-z]([-a-z0-9]{0,45}[a-z0-9])?$/.test(job.metadata.name), "has a name that KubeRay refuses"],
    [groupsOf(job).every((group) => "minReplicas" in group === "maxReplicas" in group), "has half a range of workers"],
    [groupsOf(job).length > 0 && groupsOf(job).length <= 17, "has no workers, or too many groups"],
    [containersOf(job).every(({ image }) => String(image).includes(`:${version}`)), "has images of another Ray"],
    [
      containersOf(job).every((container) => ["cpu", "memory"].every((name) => requestsOf(container).includes(name))),
      "has a container without requests",
    ],
    [
      rayContainersOf(job).every((container) => objectsAt(container, "envFrom").length > 0),
      "has a Ray container without the storage Secret",
    ],
    [
      containersOf(job).every((container) => at(container, "securityContext", "runAsNonRoot") === true),
      "has a container that may be root",
    ],
  ];
  return rules.filter(([isKept]) => !isKept).map(([, breach]) => `${nameOf(job)} ${breach}`);
}

function breachesOfQueue(queue: Manifest, manifests: readonly Manifest[]): string[] {
  const [group] = objectsAt(queue, "spec", "resourceGroups");
  const covered = at(group, "coveredResources") as readonly string[];
  const [first, ...others] = objectsAt(group, "flavors");
  const flavors = ofKind(manifests, "ResourceFlavor").map(({ metadata }) => metadata.name);
  const asked = ofKind(manifests, "RayJob").flatMap(containersOf).flatMap(requestsOf);
  const gpus = objectsAt(first, "resources").filter(({ name }) => String(name).includes("/"));
  const rules: readonly [isKept: boolean, breach: string][] = [
    [isObject(at(queue, "spec", "namespaceSelector")), "admits from no namespace"],
    [asked.every((name) => covered.includes(name)), "does not cover what the job asks for"],
    [gpus.every(({ nominalQuota }) => nominalQuota === 0), "gives GPUs to the first flavor"],
    [
      [first, ...others].every(
        (flavor) =>
          objectsAt(flavor, "resources")
            .map(({ name }) => name)
            .join() === covered.join(),
      ),
      "has a flavor with other resources than it covers",
    ],
    [
      [first, ...others].every((flavor) => flavors.includes(textAt(flavor, "name"))),
      "names a flavor that is not there",
    ],
  ];
  return rules.filter(([isKept]) => !isKept).map(([, breach]) => `${nameOf(queue)} ${breach}`);
}

/** A check that is named is there, and asks for nodes only where a pod wants a GPU, if any does. */
function breachesOfChecks(manifests: readonly Manifest[]): string[] {
  const named = (kind: string) => ofKind(manifests, kind).map(({ metadata }) => metadata.name);
  const wanted = ofKind(manifests, "ClusterQueue").flatMap((queue) =>
    objectsAt(queue, "spec", "admissionChecksStrategy", "admissionChecks").map(({ name }) => name),
  );
  const configured = ofKind(manifests, "AdmissionCheck").map((check) => textAt(check, "spec", "parameters", "name"));
  return [
    ...(wanted.join() === named("AdmissionCheck").join() ? [] : [`checks ${wanted.join()} are not there`]),
    ...(configured.join() === named("ProvisioningRequestConfig").join() ? [] : ["a check has no config"]),
  ];
}

/** @returns one sentence for each rule that a job and its queue break. */
export function tuningBreachesIn(manifests: readonly Manifest[]): string[] {
  const queues = ofKind(manifests, "LocalQueue");
  return [
    ...ofKind(manifests, "RayJob").flatMap((job) => breachesOfJob(job, queues)),
    ...ofKind(manifests, "ClusterQueue").flatMap((queue) => breachesOfQueue(queue, manifests)),
    ...breachesOfChecks(manifests),
  ];
}
