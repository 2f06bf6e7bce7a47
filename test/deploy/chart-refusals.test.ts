/** What the chart refuses before anything is installed, and in which words. */
import { describe, expect, test } from "vitest";
import { helms, refusalOf, type Values } from "./support/chart.js";

const raw = { enabled: true, deploymentMode: "RawDeployment" };

describe.each(helms)("%s refuses", (helm) => {
  test.each<[values: Values, words: RegExp]>([
    [{ imge: {} }, /imge/],
    [{ settings: { maxSlot: 3 } }, /settings.*maxSlot/],
    [{ settings: { maxSlots: "many" } }, /settings.maxSlots.*string/s],
    [{ settings: { maxSlots: 0 } }, /settings.maxSlots.*1/],
    [{ settings: { kvDtype: "bfloat16" } }, /settings.kvDtype.*float32/],
    [{ settings: { grpcPort: 1 } }, /settings.*grpcPort/],
    [{ model: { uri: "gpt2" } }, /model.uri/],
    [{ model: { dtype: "int9" } }, /model.dtype.*int8-block/],
    [{ autoscaling: { type: "both" } }, /autoscaling.type.*keda/],
    [{ image: { digest: "sha256:1" } }, /image.digest/],
    [{ apiKeys: { secretName: "My Keys" } }, /apiKeys.secretName/],
  ])("%j by the schema, and names the value", (values, words) => {
    expect(refusalOf(values, helm)).toMatch(words);
  });
});

test.each<[values: Values, sentence: string]>([
  [
    { model: { uri: "gs://bucket/gpt2/" } },
    "model.uri gs://bucket/gpt2/: without KServe it must begin with s3://, hf://, https://, http:// or pvc://",
  ],
  [{ ports: { grpc: 80 } }, "ports: 80 is below 1024, where only root may listen"],
  [{ ports: { grpc: 8080 } }, "ports: each must have a number of its own"],
  [{ ports: { grpc: 0, tgis: 0, http: 0 } }, "ports: one of grpc, tgis and http must be served"],
  [{ ports: { http: 0 }, ingress: { enabled: true } }, "ingress needs ports.http"],
  [{ ports: { grpc: 0, tgis: 0 }, grpcRoute: { enabled: true } }, "grpcRoute needs ports.grpc or ports.tgis"],
  [{ tls: { clientCaKey: "ca.crt" } }, "tls.clientCaKey needs tls.secretName"],
  [{ model: { storageConfig: { secretName: "s" } } }, "model.storageConfig.secretName needs model.storageConfig.key"],
  [{ modelCache: { type: "claim" } }, "modelCache.type claim needs modelCache.size"],
  [{ modelCache: { type: "existingClaim" } }, "modelCache.type existingClaim needs modelCache.claimName"],
  [
    { replicas: 2, modelCache: { type: "claim", size: "1Gi" } },
    "several pods of a Deployment cannot share a ReadWriteOnce claim",
  ],
  [{ autoscaling: { type: "hpa", cpuPercent: 0 } }, "autoscaling.type hpa needs autoscaling.cpuPercent"],
  [{ autoscaling: { type: "hpa", minReplicas: 9 } }, "autoscaling.minReplicas is above autoscaling.maxReplicas"],
  [{ autoscaling: { type: "keda", minReplicas: 0 } }, "autoscaling.minReplicas 0: nothing would hold the requests"],
  [{ inferencePool: { enabled: true } }, "inferencePool needs inferencePool.endpointPicker.name"],
  [
    { inferencePool: { enabled: true, endpointPicker: { name: "p" } }, apiKeys: { secretName: "k" } },
    "the endpoint picker reads metrics without an API key",
  ],
  [{ kserve: raw, tls: { secretName: "certificate" } }, "tls: with kserve.enabled, KServe and its gateway do that"],
  [{ kserve: raw, workload: "StatefulSet" }, "workload: with kserve.enabled, KServe makes a Deployment"],
  [{ kserve: raw, ports: { grpc: 0 } }, "kserve.protocol grpc needs ports.grpc"],
  [{ kserve: { ...raw, loader: "storage-initializer" } }, "kserve.loader storage-initializer needs model.uri"],
  [
    { kserve: raw, model: { uri: "gs://bucket/gpt2/" } },
    "model.uri gs://bucket/gpt2/: kserve.loader must be storage-initializer for it",
  ],
  [{ kserve: { enabled: true }, autoscaling: { type: "keda" } }, "autoscaling.type: Knative scales by itself"],
  [
    { kserve: raw, metrics: { monitor: "podMonitor" } },
    "metrics.monitor podMonitor: KServe's pods declare no port for metrics",
  ],
  [{ kserve: raw, extraArgs: ["--model-id={{.Name}}"] }, "KServe would take {{ for a template of its own"],
])("%j do not go together, and the chart says why", (values, sentence) => {
  expect(refusalOf(values, "HELM_BINARY")).toContain(sentence);
});

test("tells all faults of the values at once", () => {
  const refusal = refusalOf({ tls: { clientCaKey: "ca.crt" }, modelCache: { type: "claim" } }, "HELM_BINARY");
  expect(refusal).toMatch(/- tls.clientCaKey needs .*\n- modelCache.type claim needs /);
});
