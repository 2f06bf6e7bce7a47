/** The rules that the chart's objects are held to would notice if they did not fit together. */
import { describe, expect, test } from "vitest";
import { breachesIn } from "./support/chart-rules.js";
import { renderChart, type Values } from "./support/chart.js";
import { parseManifests, type Manifest } from "./support/manifests.js";

/** Changes what was rendered, as text, into something that one rule forbids. */
function broken(values: Values, pattern: RegExp, replacement: string): Manifest[] {
  const text = renderChart(values)
    .map((manifest) => JSON.stringify(manifest)) // JSON is YAML
    .join("\n---\n");
  const changed = text.replace(pattern, replacement);
  if (changed === text) throw new Error(`${String(pattern)} is nowhere in ${text}`);
  return parseManifests(changed);
}

const gateway = { httpRoute: { enabled: true } };
const knative = { kserve: { enabled: true } };
const monitor = { metrics: { monitor: "serviceMonitor" } };
const budget = { podDisruptionBudget: { enabled: true } };

describe("the rules notice", () => {
  test.each<[breach: string, values: Values, pattern: RegExp, replacement: string, sentence: string]>([
    [
      "a budget for other pods",
      budget,
      /("maxUnavailable":1,"selector":{"matchLabels":{"app.kubernetes.io\/name":)"ortler"/,
      '$1"other"',
      "PodDisruptionBudget/gpt2-ortler selects no server",
    ],
    [
      "a Service that reaches the test pod",
      {},
      /"ortler-test"/,
      '"ortler"',
      "Service/gpt2-ortler selects the test pod",
    ],
    [
      "a monitor without its port",
      monitor,
      /"port":"http-metrics"/,
      '"port":"metrics"',
      "ServiceMonitor/gpt2-ortler wants ports metrics, and 1 Services have grpc-caikit,grpc-tgis,http-rest,http-metrics",
    ],
    [
      "a Service to a port that is not declared",
      {},
      /"targetPort":"http-rest"/,
      '"targetPort":"http"',
      "Service/gpt2-ortler leads to port http, which no pod declares",
    ],
    [
      "a route to nowhere",
      gateway,
      /("backendRefs":\[{"name":"gpt2-ortler","port":)8080/,
      "$18081",
      "HTTPRoute/gpt2-ortler leads to gpt2-ortler:8081, which is not there",
    ],
    [
      "a long port name",
      {},
      /("containerPort":3000[^}]*})/,
      '$1,{"name":"http-of-the-openai-api"}',
      'Deployment/gpt2-ortler has a port named "http-of-the-openai-api"',
    ],
    [
      "a probe by name",
      {},
      /("livenessProbe":{"httpGet":{"path":"\/metrics","port":)3000/,
      '$1"http-metrics"',
      "Deployment/gpt2-ortler has no livenessProbe by a port's number",
    ],
    [
      "a mount without a volume",
      {},
      /("volumeMounts":\[{"name":)"scratch"/,
      '$1"scratches"',
      "Deployment/gpt2-ortler mounts scratches, which it does not have",
    ],
    [
      "a fixed user",
      {},
      /"runAsNonRoot":true/,
      '"runAsNonRoot":true,"runAsUser":1001',
      "Deployment/gpt2-ortler fixes /spec/template/spec/containers/0/securityContext/runAsUser",
    ],
    [
      "a container that may become root",
      {},
      /"runAsNonRoot":true/,
      '"runAsNonRoot":false',
      "Deployment/gpt2-ortler has a container that is not restricted",
    ],
    [
      "a lifecycle in KServe",
      knative,
      /"resources":{/,
      '"lifecycle":{},"resources":{',
      "KServe has /spec/containers/0/lifecycle",
    ],
    [
      "two ports on Knative",
      knative,
      /"ports":\[{"name":"h2c"/,
      '"ports":[{"name":"h2c"},{"name":"h2c"',
      "Knative has the ports h2c,h2c",
    ],
    [
      "replicas beside an autoscaler",
      { autoscaling: { type: "hpa" } },
      /"kind":"Deployment",("metadata":{.*?},"spec":{)/,
      '"kind":"Deployment",$1"replicas":1,',
      "2 set the replicas of Deployment/gpt2-ortler",
    ],
  ])("%s", (_, values, pattern, replacement, sentence) => {
    const manifests = broken(values, pattern, replacement);
    expect(breachesIn(manifests)).toContain(sentence);
  });
});
