import { describe, expect, test } from "vitest";
import { foreignSettings } from "../../src/config/foreign.js";
import { loadOptions } from "../../src/config/load.js";
import { environmentNames, type OptionTable } from "../../src/config/options.js";
import { settings } from "../../src/config/settings.js";
import { locateModel } from "../../src/model/source/location/locate-model.js";
import { huggingFaceNames } from "../../src/model/source/stores/huggingface-settings.js";
import { s3Names } from "../../src/model/source/stores/s3-names.js";
import { readS3Settings } from "../../src/model/source/stores/s3-settings.js";
import { own } from "../../src/telemetry/metrics/own-definitions.js";
import { at, everything, isObject, objectsAt, textAt, textsAt } from "./support/json.js";
import { examples, render } from "./support/kustomize.js";
import { annotationsOf, findFaults, labelsOf, ofKind, theOne, type Manifest } from "./support/manifests.js";
import { predictorOf } from "./support/predictor.js";

const rendered = new Map(examples.map((example) => [example, render(example)]));
const manifestsOf = (example: string) => rendered.get(example) ?? [];
const services = examples.flatMap((example) => ofKind(manifestsOf(example), "InferenceService"));
const predictorSpec = (service: Manifest) => at(service, "spec", "predictor");
const inMode = (mode: string) =>
  services.filter((service) => annotationsOf(service)["serving.kserve.io/deploymentMode"] === mode);

const runtimes = { raw: render("overlays/raw"), serverless: render("overlays/serverless") };

/** The server as an example starts it: its settings, and its environment. */
function startOf(example: string) {
  const service = theOne(manifestsOf(example), "InferenceService");
  const ofMode = example.includes("/raw/") ? runtimes.raw : runtimes.serverless;
  const runtime = theOne(ofMode, "ServingRuntime", textAt(predictorSpec(service), "model", "runtime"));
  const { args, environment } = predictorOf(service, runtime, manifestsOf(example));
  const [command, ...flags] = args;
  return { command, environment, ...loadOptions({ table: settings, args: flags, environment, foreignSettings }) };
}

const starting = examples.filter((example) => !example.endsWith("/metrics"));

test.each(examples)("every object of %s is valid", (example) => {
  expect(manifestsOf(example).flatMap(findFaults)).toEqual([]);
  expect(manifestsOf(example)).not.toEqual([]);
});

describe("the server takes what an example gives it", () => {
  test.each(starting)("%s: every argument and variable is a setting, none with a warning", (example) => {
    const { command, values, warnings, positionals } = startOf(example);
    expect({ command, id: values.modelId, warnings, positionals }).toEqual({
      ...{ command: "serve", id: "gpt2", warnings: [], positionals: [] },
    });
  });

  test("every variable is one that the server reads", () => {
    const own = Object.entries<OptionTable[string]>(settings).flatMap(([key, option]) => environmentNames(key, option));
    const s3 = ["STORAGE_CONFIG", ...Object.values(s3Names).flatMap(({ env }) => [...env])];
    const known = new Set<string>([...own, ...s3, ...huggingFaceNames.map(({ name }) => name)]);
    const names = starting.flatMap((example) => Object.keys(startOf(example).environment));
    expect(names.filter((name) => !known.has(name))).toEqual([]);
  });

  test("the model is where the example says, or where KServe puts it", () => {
    const folders = { isFolder: () => true, hasEntries: () => true };
    const located = starting.map((example) => {
      const { values, environment } = startOf(example);
      const { location } = locateModel({ setting: values.model, environment, folders }) ?? {};
      return [example, location];
    });
    const mounted = { kind: "local", path: "/mnt/models" };
    const s3 = { kind: "s3", bucket: "models", prefix: "gpt2/" };
    const hub = { kind: "huggingface", model: "openai-community/gpt2", revision: "main" };
    expect(Object.fromEntries(located)).toMatchObject({
      "examples/raw/hf": hub,
      "examples/raw/keda": mounted,
      "examples/raw/oci": mounted,
      "examples/raw/pvc": mounted,
      "examples/raw/s3-cache": s3,
      "examples/raw/s3-initializer": mounted,
      "examples/raw/s3-loader": s3,
      "examples/raw/s3-loader-storage-config": { kind: "s3", prefix: "gpt2/" },
      "examples/raw/s3-storage-key": mounted,
    });
  });

  test("both ways of credentials for its own loader are the same connection", () => {
    const connectionOf = (example: string) => readS3Settings(startOf(example).environment);
    const { bucket, ...connection } = connectionOf("examples/raw/s3-loader-storage-config");
    expect(bucket).toBe("models");
    expect(connection).toMatchObject({
      endpoint: "http://minio.minio.svc:9000",
      credentials: { accessKeyId: "admin" },
    });
    expect(connectionOf("examples/serverless/s3-loader")).toEqual({ ...connection, bucket: undefined });
  });
});

describe("every InferenceService", () => {
  test("names a runtime that is there, and a format that it has", () => {
    const supported = (service: Manifest) => {
      const model = at(predictorSpec(service), "model");
      const runtime = theOne(runtimes.raw, "ServingRuntime", textAt(model, "runtime"));
      const formats = objectsAt(runtime, "spec", "supportedModelFormats").map(({ name }) => name);
      return formats.includes(textAt(model, "modelFormat", "name"));
    };
    expect(services.filter((service) => !supported(service))).toEqual([]);
  });

  test("has its model from one place: KServe's storage or its own arguments", () => {
    const places = (service: Manifest) => {
      const model = at(predictorSpec(service), "model");
      const own = textsAt(model, "args").some((arg) => arg.startsWith("--model="));
      return [own, at(model, "storageUri") !== undefined, at(model, "storage") !== undefined].filter(Boolean).length;
    };
    expect(services.map(places)).toEqual(services.map(() => 1));
  });

  test("ends S3 prefixes in a slash: s3://bucket/gpt2 has gpt2-large in it", () => {
    const texts = services.flatMap((service) => [...everything(service)].map(({ value }) => value));
    const prefixes = texts.filter((text) => typeof text === "string" && text.includes("s3://"));
    const paths = services.map((service) => at(predictorSpec(service), "model", "storage", "path"));
    const all = [...prefixes, ...paths.filter((path) => path !== undefined)].map(String);
    expect(all.length).toBeGreaterThan(8);
    expect(all.filter((prefix) => !prefix.endsWith("/"))).toEqual([]);
  });

  test("sets no variable that KServe or Knative sets or refuses, and no template", () => {
    const names = services.flatMap((service) =>
      objectsAt(predictorSpec(service), "model", "env").map(({ name }) => name),
    );
    const taken = ["STORAGE_URI", "PYTHONPATH", "PORT", "K_SERVICE", "K_REVISION", "K_CONFIGURATION"];
    expect(names.filter((name) => taken.includes(String(name)))).toEqual([]);
    expect(services.filter((service) => JSON.stringify(service).includes("{{"))).toEqual([]);
  });

  test("lets a request take longer than a route does by itself, and a pod end later than its drain", () => {
    const { shutdownDelaySeconds, shutdownGraceSeconds } = startOf("examples/raw/pvc").values;
    const graces = [
      ...inMode("Serverless").map((service) => at(predictorSpec(service), "timeout")),
      ...inMode("RawDeployment").map((service) => at(predictorSpec(service), "terminationGracePeriodSeconds")),
    ];
    expect(shutdownDelaySeconds).toBe(5);
    expect(graces).toHaveLength(services.length);
    expect(graces.filter((grace) => Number(grace) < shutdownDelaySeconds + shutdownGraceSeconds + 5)).toEqual([]);
    expect(services.filter((service) => Number(at(predictorSpec(service), "timeout")) <= 60)).toEqual([]);
  });
});

test("on Knative there is no field that needs a flag of its administrator, and it scales by open streams", () => {
  const flagged = ["volumes", "nodeSelector", "tolerations", "affinity", "securityContext", "initContainers"];
  const knative = inMode("Serverless");
  expect(knative).toHaveLength(7);
  const fields = knative.flatMap((service) =>
    [...flagged, "deploymentStrategy"].map((f) => at(predictorSpec(service), f)),
  );
  expect(new Set(fields)).toEqual(new Set([undefined]));
  expect(new Set(knative.map((service) => at(predictorSpec(service), "scaleMetric")))).toEqual(
    new Set(["concurrency"]),
  );
});

test("raw deployments leave out what is Knative's", () => {
  const raw = inMode("RawDeployment");
  expect(raw).toHaveLength(9);
  const fields = raw.flatMap((service) =>
    ["scaleMetric", "containerConcurrency"].map((f) => at(predictorSpec(service), f)),
  );
  expect(new Set(fields)).toEqual(new Set([undefined]));
  expect(raw.filter((service) => Number(at(predictorSpec(service), "minReplicas")) < 1)).toEqual([]);
});

test("storage-config has nothing but texts, or KServe calls it invalid", () => {
  const secret = theOne(manifestsOf("examples/raw/s3-storage-key"), "Secret", "storage-config");
  const connection: unknown = JSON.parse(textAt(secret, "stringData", "minio"));
  expect(isObject(connection) && Object.values(connection).map((value) => typeof value)).toEqual(
    Array(6).fill("string"),
  );
  expect(connection).toMatchObject({ type: "s3", bucket: "models" });
});

test("the service account lists the Secret among its secrets, where KServe looks, with quoted annotations", () => {
  const manifests = manifestsOf("examples/serverless/s3-initializer");
  const account = theOne(manifests, "ServiceAccount");
  const secret = theOne(manifests, "Secret");
  expect(at(theOne(manifests, "InferenceService"), "spec", "predictor", "serviceAccountName")).toBe(
    account.metadata.name,
  );
  expect(at(account, "secrets")).toEqual([{ name: secret.metadata.name }]);
  expect(Object.values(annotationsOf(secret)).every((value) => typeof value === "string")).toBe(true);
});

describe("metrics", () => {
  const { healthPort, health } = loadOptions({ table: settings, args: [], environment: {} }).values;

  test.each(["examples/raw/metrics", "examples/serverless/metrics", "examples/raw/keda"])(
    "%s scrapes the health port by its number, and the monitor finds the Service",
    (example) => {
      const service = theOne(manifestsOf(example), "Service");
      const monitor = theOne(manifestsOf(example), "ServiceMonitor");
      const [port = {}] = objectsAt(service, "spec", "ports");
      expect({ health, healthPort, targetPort: port["targetPort"] }).toEqual({
        ...{ health: true, healthPort: undefined, targetPort: 3000 }, // the default of --health-port
      });
      expect(at(service, "spec", "selector")).toEqual({
        "serving.kserve.io/inferenceservice": "gpt2",
        component: "predictor",
      });
      expect(labelsOf(service)).toEqual(at(monitor, "spec", "selector", "matchLabels"));
      expect(objectsAt(monitor, "spec", "endpoints").map((endpoint) => endpoint["port"])).toEqual([port["name"]]);
    },
  );

  test("in a strict mesh their port alone is open to who is outside", () => {
    const policy = theOne(manifestsOf("examples/serverless/metrics"), "PeerAuthentication");
    expect(at(policy, "spec", "mtls", "mode")).toBe("STRICT");
    expect(at(policy, "spec", "portLevelMtls")).toEqual({ "3000": { mode: "PERMISSIVE" } });
  });

  test("KEDA asks for metrics that the server has, as sums, and KServe gets the threshold from `value`", () => {
    const scaled = theOne(manifestsOf("examples/raw/keda"), "InferenceService");
    const metrics = objectsAt(scaled, "spec", "predictor", "autoScaling", "metrics");
    const queries = metrics.map((metric) => textAt(metric, "external", "metric", "query"));
    const names = queries.map(
      (query) => /^sum\((\w+)\{namespace="models",pod=~"gpt2-predictor-\.\*"\}\)$/.exec(query)?.[1],
    );
    const gauges = [own.queueLength, own.running];
    expect(gauges.map(({ name, type }) => [name, type])).toEqual(names.map((name) => [name, "gauge"]));
    expect(metrics.map((metric) => at(metric, "external", "target", "value"))).toEqual(["4", "24"]);
    expect(annotationsOf(scaled)["serving.kserve.io/autoscalerClass"]).toBe("keda");
    expect(scaled.metadata["namespace"]).toBe("models");
  });

  test("the disruption budget is of the pods that KServe makes, and lets one of them go", () => {
    const budget = theOne(manifestsOf("examples/raw/keda"), "PodDisruptionBudget");
    expect(at(budget, "spec")).toEqual({
      maxUnavailable: 1,
      selector: { matchLabels: { app: "isvc.gpt2-predictor" } },
    });
  });
});
