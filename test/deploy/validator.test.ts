import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { findFaults, parseManifests, type Manifest } from "./support/manifests.js";

const examples = new URL("schemas/examples/", import.meta.url);
const namesIn = (folder: string) => readdirSync(new URL(folder, examples));
const read = (path: string) => parseManifests(readFileSync(new URL(path, examples), "utf8"));
const faultsIn = (manifests: readonly Manifest[]) => manifests.flatMap(findFaults);

/** What each bad example has wrong, and where. */
const faultOf: Readonly<Record<string, RegExp>> = {
  "cohort.yaml": /ClusterQueue\/tuning\/spec .*"cohort"/,
  "container.yaml": /ServingRuntime\/ortler-grpc\/spec .*"container"/,
  "dep.yaml": /containers\/0\/livenessProbe\/httpGet .*required property 'port'/,
  "env.yaml": /spec\/runtimeEnvYAML must be string/,
  "fmtname.yaml": /supportedModelFormats\/0 .*required property 'name'/,
  "group.yaml": /workerGroupSpecs\/0 .*required property 'groupName'/,
  "grpcport.yaml": /startupProbe\/grpc\/port must be integer .*got "8085"/,
  "kn.yaml": /Service\/x\/spec\/template\/spec\/containers\/0 .*"lifecycle"/,
  "mem.yaml": /containers\/0\/resources\/limits\/memory must be string/,
  "metric.yaml": /scaleMetric must be equal to one of the allowed values .*got "qps"/,
  "minrep.yaml": /minReplicas must be integer .*got "2"/,
  "pool.yaml": /InferencePool\/ortler\/spec .*required property 'targetPorts'/,
  "pv.yaml": /spec\/protocolVersions must be array .*got "v2"/,
  "sm.yaml": /endpoints\/0 .*"intervall"/,
  "so.yaml": /spec .*required property 'triggers'/,
  "svc.yaml": /ports\/0\/port must be integer .*got "x"/,
  "tgp.yaml": /ServingRuntime\/ortler-grpc\/spec .*"terminationGracePeriodSeconds"/,
};

describe("the validator", () => {
  test.each(namesIn("good"))("passes %s", (name) => {
    expect(faultsIn(read(`good/${name}`))).toEqual([]);
  });

  test.each(namesIn("bad"))("says where the fault of %s is", (name) => {
    expect(faultsIn(read(`bad/${name}`)).join("\n")).toMatch(faultOf[name] ?? /^there is no row for this example$/);
  });

  test("has no schema for a kind that it does not know, which is a fault", () => {
    const [unknown] = parseManifests("{apiVersion: v1, kind: Widget, metadata: {name: a}}");
    expect(unknown && findFaults(unknown)).toEqual(["Widget/a: there is no schema for v1"]);
  });

  test("reads YAML as Kubernetes does: on is a boolean, 0644 is octal, empty documents are nothing", () => {
    const [manifest, ...others] = parseManifests(
      "---\n# nothing\n---\n{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {a: on, mode: 0644}}\n---\n",
    );
    expect(manifest?.["data"]).toEqual({ a: true, mode: 420 });
    expect(others).toEqual([]);
  });

  test("refuses what is no Kubernetes object", () => {
    expect(() => parseManifests("- a\n- b")).toThrow('no Kubernetes object: ["a","b"]');
    expect(() => parseManifests("kind: [")).toThrow();
  });
});
