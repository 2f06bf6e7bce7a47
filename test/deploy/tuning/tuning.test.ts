/** Tuning chart and kustomize overlays: valid by schema, as Kueue and KubeRay want it, and in step with the program. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { loadOptions } from "../../../src/config/load.js";
import { settings } from "../../../src/config/settings.js";
import { helms, lintFaults, refusalOf, renderChart, renderNotes, tuningChart } from "../support/chart.js";
import type { Helm, Values } from "../support/chart.js";
import { at, objectsAt, textAt, textsAt } from "../support/json.js";
import { render, renderOver } from "../support/kustomize.js";
import { findFaults, ofKind, parseManifests, theOne } from "../support/manifests.js";
import { tuningBreachesIn } from "./rules.js";

const tuningManifests = (values: Values, helm?: Helm) => renderChart(values, helm, tuningChart);

const gpu = { gpu: { enabled: true }, workers: { replicas: 2, cpu: 4, memory: "16Gi" } };
const combinations: Readonly<Record<string, Values>> = {
  "nothing but defaults": {},
  GPUs: gpu,
  "GPUs of nodes that the autoscaler brings": {
    ...gpu,
    provisioning: { enabled: true, parameters: { a: "1" }, jobParameters: { ValidUntilSeconds: "3600" } },
  },
  "CPUs of nodes that the autoscaler brings": { provisioning: { enabled: true } },
  "a queue that is there": { queue: { create: false, name: "tuning", priorityClassName: "low" } },
  "an image with the packages": { pip: { install: false }, image: { repository: "example.com/tuning", tag: "2.60.0" } },
  "a server of its own": { serving: { enabled: true } },
  "everything at once": {
    ...gpu,
    serving: { enabled: true, name: "gpt2", deploymentMode: "Serverless", args: ["--dtype=int8"] },
    storage: { endpoint: "http://minio:9000", region: "us-east-1", caBundle: { configMapName: "authorities" } },
    huggingFace: { secretName: "huggingface" },
    tuning: { output: "s3://models/a/", options: { epochs: 0.5, format: "caikit", learningRate: 0.00005 } },
    pip: { indexUrl: "https://index.example.com/simple" },
    job: { activeDeadlineSeconds: 3600 },
    imagePullSecrets: [{ name: "registry" }],
    podLabels: { team: "writers" },
    extraEnv: [{ name: "HOME", value: "/tmp" }],
    serviceAccountName: "tuner",
    provisioning: { enabled: true },
  },
};

test.each(Object.entries(combinations))("%s: both Helms give the same objects, valid and by the rules", (_, values) => {
  const manifests = tuningManifests(values);
  expect(manifests.flatMap(findFaults)).toEqual([]);
  expect(tuningBreachesIn(manifests)).toEqual([]);
  expect(tuningManifests(values, "HELM3_BINARY")).toEqual(manifests);
});

test.each(helms)("%s lints the chart with the fewest and the most values", (helm) => {
  const names = ["nothing but defaults", "everything at once"];
  expect(names.map((name) => lintFaults(combinations[name] ?? {}, helm, tuningChart))).toEqual(["", ""]);
});

test.each(["cpu", "gpu", "gpu-provisioning"])("the overlay %s is valid and by the rules", (overlay) => {
  const manifests = render(`tuning/overlays/${overlay}`);
  expect(manifests.flatMap(findFaults)).toEqual([]);
  expect(tuningBreachesIn(manifests)).toEqual([]);
  expect(ofKind(manifests, "RayJob")).toHaveLength(1);
});

test("the overlay for GPUs asks for one, in the image that has CUDA, and tells the program", () => {
  const manifests = render("tuning/overlays/gpu");
  const cluster = at(theOne(manifests, "RayJob"), "spec", "rayClusterSpec");
  const worker = at(cluster, "workerGroupSpecs", 0, "template", "spec", "containers", 0);
  expect(at(worker, "resources", "limits", "nvidia.com/gpu")).toBe("1");
  expect(at(worker, "image")).toBe(`rayproject/ray:${textAt(cluster, "rayVersion")}-py312-gpu`);
  const volumes = objectsAt(cluster, "workerGroupSpecs", 0, "template", "spec", "volumes");
  const name = textAt(volumes[1], "configMap", "name");
  const options: unknown = parse(textAt(theOne(manifests, "ConfigMap", name), "data", "tuning.yaml"));
  expect(options).toMatchObject({ device: "gpu", workers: 1, cpusPerWorker: 2 });
});

test("the InferenceService of kustomize is valid, and watches where the job writes", () => {
  const service = theOne(render("tuning/serving"), "InferenceService");
  expect(findFaults(service)).toEqual([]);
  const args = textsAt(service, "spec", "predictor", "model", "args");
  const { values } = loadOptions({ table: settings, args, environment: {} });
  const { output } = parse(readFileSync("runtime/tuning/base/tuning.yaml", "utf8")) as { output: string };
  expect(values).toMatchObject({ model: `${output}/`, watch: true });
});

test("a prefix reaches the queue, its checks, the Secret and the ConfigMaps wherever they are named", () => {
  const manifests = renderOver(["tuning/overlays/gpu-provisioning"], "namePrefix: team-\n");
  expect(tuningBreachesIn(manifests)).toEqual([]);
  const cluster = at(theOne(manifests, "RayJob"), "spec", "rayClusterSpec");
  for (const pod of [at(cluster, "headGroupSpec"), at(cluster, "workerGroupSpecs", 0)]) {
    const spec = at(pod, "template", "spec");
    expect(at(spec, "containers", 0, "envFrom", 0, "secretRef", "name")).toBe("team-minio-credentials");
    const mounted = objectsAt(spec, "volumes").map((volume) => textAt(volume, "configMap", "name"));
    const maps = ofKind(manifests, "ConfigMap").map(({ metadata }) => metadata.name);
    expect(mounted.filter((name) => name !== "")).toEqual(maps);
  }
});

describe("the rules notice", () => {
  test.each<[pattern: RegExp, replacement: string, sentence: RegExp]>([
    [/"kueue.x-k8s.io\/queue-name":"[^"]*"/, '"a":"b"', /no LocalQueue/],
    [/"shutdownAfterJobFinishes":true/, '"shutdownAfterJobFinishes":false', /does not shut down/],
    [/"backoffLimit":1/, '"suspend":true,"backoffLimit":1', /says suspend/],
    [/"maxReplicas":\d,/, "", /half a range/],
    [/"rayVersion":"[^"]*"/, '"rayVersion":"2.0.0"', /another Ray/],
    [/"requests":{[^}]*}/, '"requests":{}', /without requests/],
    [/"envFrom":\[[^\]]*\]/, '"envFrom":[]', /without the storage Secret/],
    [/"coveredResources":\["cpu","memory"/, '"coveredResources":["cpu"', /does not cover/],
    [/"namespaceSelector":{[^}]*}}/, '"a":{}', /from no namespace/],
    [/("name":"nvidia.com\/gpu","nominalQuota":)0/, "$12", /GPUs to the first flavor/],
    [/"kind":"AdmissionCheck"/, '"kind":"Check"', /are not there/],
  ])("%s", (pattern, replacement, sentence) => {
    const values = combinations["GPUs of nodes that the autoscaler brings"] ?? {};
    const text = tuningManifests(values)
      .map((manifest) => JSON.stringify(manifest))
      .join("\n---\n");
    expect(pattern.test(text)).toBe(true);
    expect(tuningBreachesIn(parseManifests(text.replace(pattern, replacement))).join("\n")).toMatch(sentence);
  });
});

test.each<[values: Values, words: RegExp]>([
  [{ tuning: { output: "/folder" } }, /tuning.output/],
  [{ tuning: { options: { epoch: 1 } } }, /epoch/],
  [{ workers: { cpu: 1.5 } }, /workers.cpu/],
  [{ image: { tag: "2.9.0" } }, /image.tag 2.9.0 must begin with ray.version/],
  [{ pip: { install: false } }, /pip.install false needs an image/],
  [{ storage: { secretName: "" } }, /storage.secretName: without it/],
  [{ queue: { create: false } }, /queue.create false needs queue.name/],
  [{ queue: { create: false, name: "a" }, provisioning: { enabled: true } }, /provisioning needs queue.create/],
  [{ workers: { replicas: 9 } }, /queue.cpu.cpu is less than the 19500m/],
  [{ workers: { memory: "64Gi" } }, /queue.cpu.memory is less than the 70144Mi/],
  [{ ...gpu, workers: { replicas: 3 } }, /queue.gpu.gpus is less than workers.replicas/],
])("%j is refused, with the reason", (values, words) => {
  expect(refusalOf(values, "HELM_BINARY", tuningChart)).toMatch(words);
});

test("the job has another name when anything that it runs changes, and only then", () => {
  const nameWith = (values: Values) => theOne(tuningManifests(values), "RayJob").metadata.name;
  const name = nameWith({});
  expect(nameWith({ serving: { enabled: true } })).toBe(name);
  const others = [{ tuning: { run: "2" } }, { tuning: { options: { epochs: 2 } } }, { workers: { cpu: 1 } }];
  expect(new Set([name, ...others.map(nameWith)]).size).toBe(4);
});

test("job and server use the same Secret, and the server reads its arguments", () => {
  const manifests = tuningManifests(combinations["everything at once"] ?? {});
  const model = at(theOne(manifests, "InferenceService"), "spec", "predictor", "model");
  const { values } = loadOptions({ table: settings, args: textsAt(model, "args"), environment: {} });
  expect(values).toMatchObject({ model: "s3://models/a/", watch: true });
  const head = at(theOne(manifests, "RayJob"), "spec", "rayClusterSpec", "headGroupSpec", "template", "spec");
  const secret = { secretRef: { name: "minio-credentials" } };
  expect([objectsAt(model, "envFrom")[0], objectsAt(head, "containers", 0, "envFrom")[0]]).toEqual([secret, secret]);
});

test("program and table of values are made from their sources", () => {
  for (const script of ["tuning-code.js", "chart-values-page.js"]) {
    const { status, stderr } = spawnSync("node", [`scripts/${script}`, "--check"], { encoding: "utf8" });
    expect([status, stderr]).toEqual([0, ""]);
  }
});

describe("in step with examples/finetune", () => {
  const project = readFileSync("examples/finetune/pyproject.toml", "utf8");
  const lists = ["dependencies", "train"].flatMap((name) => {
    const [, list = ""] = new RegExp(`^${name} = \\[\\n(.*?)^\\]`, "ms").exec(project) ?? [];
    return [...list.matchAll(/"([^"]+)"/g)].map(([, requirement = ""]) => requirement);
  });
  const ray = lists.find((requirement) => requirement.startsWith("ray["));
  const packages = lists.filter((requirement) => requirement !== ray);
  const jobs = [tuningManifests({}), render("tuning/overlays/cpu")].map((manifests) => theOne(manifests, "RayJob"));

  test("Ray and the packages have the versions of its pins", () => {
    for (const job of jobs) {
      expect(ray).toContain(`==${textAt(job, "spec", "rayClusterSpec", "rayVersion")}`);
      expect(at(parse(textAt(job, "spec", "runtimeEnvYAML")), "pip")).toEqual(packages);
    }
  });

  test("the chart takes every option, but for those that follow from the pods", () => {
    const readme = readFileSync("examples/finetune/README.md", "utf8");
    const keys = [...readme.matchAll(/^\| `--[\w-]+`\s*\| `(\w+)`/gm)].map(([, key]) => key);
    const schema: unknown = JSON.parse(readFileSync("charts/ortler-tuning/values.schema.json", "utf8"));
    const options = Object.keys(at(schema, "properties", "tuning", "properties", "options", "properties") ?? {});
    const ofPods = ["workers", "device", "cpusPerWorker", "report"];
    expect([...options, "model", "data", "output", ...ofPods].sort()).toEqual(keys.sort());
  });
});

test("the notes say how to follow the job that is rendered", () => {
  const name = theOne(tuningManifests({}), "RayJob").metadata.name;
  expect(renderNotes({}, tuningChart)).toContain(`kubectl -n models logs --follow job/${name}`);
});
