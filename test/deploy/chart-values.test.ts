/** What the chart makes of values: what the server then reads, and what else must agree with them. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { loadOptions } from "../../src/config/load.js";
import { settings } from "../../src/config/settings.js";
import { planPorts } from "../../src/servers/ports.js";
import { combinations } from "./support/chart-combinations.js";
import { renderChart, renderNotes, type Values } from "./support/chart.js";
import { at, everything, isObject, objectsAt, textAt, textsAt } from "./support/json.js";
import { annotationsOf, containersOf, findFaults, ofKind, theOne, type Manifest } from "./support/manifests.js";

const raw = { enabled: true, deploymentMode: "RawDeployment" };
const withEverything = renderChart(combinations["everything at once"] ?? {});

/** What the server makes of a container's arguments; it throws for those that it does not know. */
function configOf(args: readonly string[]) {
  const [command, ...flags] = args;
  expect(command).toBe("serve");
  return loadOptions({ table: settings, args: flags, environment: {} }).values;
}

function serverArgs(manifests: readonly Manifest[], kind = "Deployment"): string[] {
  return textsAt(containersOf(theOne(manifests, kind))[0], "args");
}

test("schema and table of values are made from the settings and values.yaml (npm run chart-values)", () => {
  const { status, stderr } = spawnSync("node", ["scripts/chart-values-page.js", "--check"], { encoding: "utf8" });
  expect([status, stderr]).toEqual([0, ""]);
});

const schema: unknown = parse(readFileSync("charts/ortler/values.schema.json", "utf8"));
const inValues = Object.keys(at(schema, "properties", "settings", "properties") ?? {});

test("every setting of the server is one of the values' settings, but for those that have a value of their own", () => {
  const others = Object.keys(settings).filter((key) => !inValues.includes(key));
  expect(others).toEqual([
    ...["model", "modelId", "dtype", "weightsCache", "modelCache", "modelToken"],
    ...[
      "port",
      "grpcPort",
      "grpc",
      "tgisPort",
      "tgis",
      "httpPort",
      "http",
      "healthPort",
      "health",
      "shutdownDelaySeconds",
    ],
    ...["tlsCert", "tlsKey", "tlsClientCa", "apiKeysFile", "config"],
  ]);
});

test("the schema takes the default of every setting, and the server reads it back from its flag", () => {
  const defaults = Object.fromEntries(
    Object.entries(settings).flatMap(([key, option]) => (inValues.includes(key) ? [[key, option.default]] : [])),
  );
  const args = serverArgs(renderChart({ settings: defaults }));
  expect(configOf(args)).toMatchObject(defaults);
  expect(args.length).toBeGreaterThan(inValues.length);
});

test("the server reads the settings of the values as they were given", () => {
  const given = {
    maxSlots: 16,
    maxPromptCharacters: 1_000_000, // which a template would print as 1e+06
    maxStreamsPerConnection: 2_147_483_647,
    decodeSlowdown: 2.5,
    spin: false,
    kvDtype: "int8",
    otlpEndpoint: "http://collector:4317",
  };
  const config = configOf(serverArgs(renderChart({ settings: given, extraArgs: ["--max-slots=8"] })));
  expect(config).toMatchObject({ ...given, maxSlots: 8 });
});

test("the server listens where the Service leads, with the certificate and the keys that are mounted", () => {
  const ports = { grpc: 9085, tgis: 0, http: 9080, health: 9000 };
  const values = {
    ports,
    tls: { secretName: "certificate", clientCaKey: "ca.crt" },
    apiKeys: { secretName: "keys", key: "keys.txt" },
  };
  expect(configOf(serverArgs(renderChart(values)))).toMatchObject({
    grpcPort: 9085,
    tgis: false,
    httpPort: 9080,
    healthPort: 9000,
    tlsCert: "/etc/ortler/tls/tls.crt",
    tlsKey: "/etc/ortler/tls/tls.key",
    tlsClientCa: "/etc/ortler/tls/ca.crt",
    apiKeysFile: "/etc/ortler/api-keys/keys.txt",
  });
});

test.each<[uri: string, config: object, mount: object]>([
  [
    "pvc://claim/models/gpt2",
    { model: "pvc://claim/models/gpt2", modelId: "gpt2" },
    { mountPath: "/mnt/models", subPath: "models/gpt2" },
  ],
  ["pvc://claim", { model: "pvc://claim", modelId: "claim" }, { mountPath: "/mnt/models", readOnly: true }],
])("the claim of %s is mounted where the server looks, and named after its path", (uri, config, mount) => {
  const manifests = renderChart({ model: { uri } });
  const [container] = containersOf(theOne(manifests, "Deployment"));
  expect(configOf(serverArgs(manifests))).toMatchObject(config);
  expect(objectsAt(container, "volumeMounts")).toContainEqual({ name: "model", readOnly: true, ...mount });
  expect(at(theOne(manifests, "Deployment"), "spec", "template", "spec", "volumes")).toContainEqual({
    name: "model",
    persistentVolumeClaim: { claimName: "claim", readOnly: true },
  });
});

test("an InferencePool finds API and metrics on one port, while the other ports stay", () => {
  const pool = { enabled: true, endpointPicker: { name: "picker" } };
  const planned = planPorts(configOf(serverArgs(renderChart({ inferencePool: pool }))));
  expect(Object.fromEntries(planned.map(({ port, serves }) => [port, serves]))).toEqual({
    8080: "all",
    8085: "grpc",
    8033: "grpc",
    3000: "health",
  });
});

test("the pod outlives the settle delay and the drain", () => {
  const graceOf = (values: Values) =>
    at(theOne(renderChart(values), "Deployment"), "spec", "template", "spec", "terminationGracePeriodSeconds");
  const shutdown = { settleSeconds: 20 };
  expect(graceOf({})).toBe(5 + 45 + 10);
  expect(graceOf({ shutdown, settings: { shutdownGraceSeconds: 0.5 } })).toBe(20 + 1 + 10);
  expect(graceOf({ shutdown: { terminationGracePeriodSeconds: 300 } })).toBe(300);
  expect(settings.shutdownGraceSeconds.default).toBe(45);
});

test("every Secret, ConfigMap and claim that pods need is one that the values name", () => {
  const names = withEverything
    .flatMap((manifest) => [...everything(manifest)])
    .filter(({ path }) =>
      /\/(secretName|claimName)$|\/(secretRef|secretKeyRef|configMap|configMapRef)\/name$/.test(path),
    )
    .map(({ value }) => value);
  expect(new Set(names)).toEqual(new Set(["minio", "more", "certificate", "keys", "authorities", "site"]));
});

test("queries and alerts name metrics that docs/metrics.md lists", () => {
  const texts = withEverything.flatMap((manifest) => [...everything(manifest)]).map(({ value }) => value);
  const named = texts.flatMap((text) =>
    typeof text === "string" ? (text.match(/\b(ortler|tgi)_[a-z_]+/g) ?? []) : [],
  );
  const page = readFileSync("docs/metrics.md", "utf8");
  const unknown = named.filter(
    (name) => !page.includes(`\`${name}\``) && !page.includes(`\`${name.replace(/_(total|bucket|sum|count)$/, "")}\``),
  );
  expect(named).toContain("ortler_queue_length");
  expect(unknown).toEqual([]);
});

test("the chart and its image have the version of package.json", () => {
  const version = textAt(parse(readFileSync("package.json", "utf8")), "version");
  const chart: unknown = parse(readFileSync("charts/ortler/Chart.yaml", "utf8"));
  expect([at(chart, "version"), at(chart, "appVersion")]).toEqual([version, version]);
  expect(textAt(containersOf(theOne(renderChart({}), "Deployment"))[0], "image")).toBe(
    `ghcr.io/ortler/ortler:${version}`,
  );
});

describe("with KServe", () => {
  test("runtime and InferenceService together are one command line, named after the InferenceService", () => {
    const manifests = renderChart(combinations["KServe on Knative"] ?? {});
    const ofService = textsAt(theOne(manifests, "InferenceService"), "spec", "predictor", "model", "args");
    const args = [...serverArgs(manifests, "ServingRuntime"), ...ofService];
    expect(configOf(args)).toMatchObject({ model: "s3://models/gpt2/", modelId: "{{.Name}}", grpcPort: 8085 });
  });

  test("credentials go to whoever fetches the model: the server, or the account of the storage initializer", () => {
    const model = { uri: "s3://models/gpt2/", credentials: { secretName: "minio" } };
    const byServer = renderChart({ kserve: raw, model });
    const byInitializer = renderChart({ kserve: { ...raw, loader: "storage-initializer" }, model });
    const sources = [byServer, byInitializer].map((manifests) =>
      at(containersOf(theOne(manifests, "ServingRuntime"))[0], "envFrom"),
    );
    expect(sources).toEqual([[{ secretRef: { name: "minio" } }], undefined]);
    const predictor = at(theOne(byInitializer, "InferenceService"), "spec", "predictor", "model");
    expect(at(predictor, "storageUri")).toBe("s3://models/gpt2/");
    expect(textsAt(predictor, "args")).toContain("--model=/mnt/models");
    expect(at(theOne(byInitializer, "ServiceAccount"), "secrets")).toEqual([{ name: "minio" }]);
  });

  test("Knative waits for a first start longer than the startup probe, unless it is told how long", () => {
    const key = "serving.knative.dev/progress-deadline";
    const deadlineOf = (values: Values): unknown => annotationsOf(theOne(renderChart(values), "InferenceService"))[key];
    expect(deadlineOf({ kserve: { enabled: true }, startup: { timeoutSeconds: 900 } })).toBe("960s");
    expect(deadlineOf({ kserve: { enabled: true, annotations: { [key]: "20m" } } })).toBe("20m");
    expect(deadlineOf({ kserve: raw })).toBeUndefined();
  });

  test.each(["grpc", "http"])("a raw deployment's readiness is that of the health port, also behind %s", (protocol) => {
    const [container] = containersOf(theOne(renderChart({ kserve: { ...raw, protocol } }), "ServingRuntime"));
    expect(at(container, "readinessProbe", "httpGet")).toEqual({ path: "/health", port: 3000 });
  });

  test("no Service or workload of the chart's own is in the way", () => {
    const manifests = renderChart({ kserve: { enabled: true } });
    expect(ofKind(manifests, "Service", "Deployment", "StatefulSet")).toEqual([]);
  });
});

describe("the notes have commands that fit", () => {
  test.each<[values: Values, command: string]>([
    [{}, "curl http://localhost:8080/generate -H"],
    [{}, "grpcurl -plaintext -H 'mm-model-id: any' -d"],
    [{ tls: { secretName: "certificate" } }, "curl --insecure https://localhost:8080/generate -H"],
    [{ apiKeys: { secretName: "keys", key: "keys.txt" } }, "-o jsonpath='{.data.keys\\.txt}'"],
    [{ apiKeys: { secretName: "keys" } }, '/generate -H "authorization: Bearer $KEY" -H'],
    [{ workload: "StatefulSet" }, "kubectl -n models rollout status --timeout=1800s statefulset/gpt2-ortler"],
    [{ kserve: { enabled: true } }, "kubectl -n models get inferenceservice gpt2-ortler -o jsonpath='{.status.url}'"],
    [{ kserve: { enabled: true, protocol: "http" } }, 'curl "$URL/generate" -H'],
  ])("%j", (values, command) => {
    expect(renderNotes(values)).toContain(command);
  });
});

test("every example of docs/helm.md renders", () => {
  const examples = [...readFileSync("docs/helm.md", "utf8").matchAll(/```yaml\n(.*?)```/gs)].map(
    ([, yaml]) => yaml ?? "",
  );
  expect(examples.length).toBeGreaterThan(5);
  const values = examples.map((yaml): unknown => parse(yaml)).filter(isObject);
  expect(values.length).toBe(examples.length);
  expect(values.flatMap((each) => renderChart(each)).flatMap(findFaults)).toEqual([]);
});
