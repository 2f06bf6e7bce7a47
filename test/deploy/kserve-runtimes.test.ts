import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { at, everything, objectsAt, textAt, textsAt } from "./support/json.js";
import { overlays, render, renderOver } from "./support/kustomize.js";
import { containersOf, findFaults, nameOf, ofKind, theOne, type Manifest } from "./support/manifests.js";

const { version } = JSON.parse(readFileSync("package.json", "utf8")) as { version: string };
const rendered = new Map(overlays.map((overlay) => [overlay, render(overlay)]));
const runtimesOf = (overlay: string) => rendered.get(overlay) ?? [];
const every = overlays.flatMap((overlay) => runtimesOf(overlay).map((runtime) => ({ overlay, runtime })));
const onKnative = every.filter(({ overlay }) => overlay.endsWith("serverless"));

/** What is not as it must be, by overlay and object. */
function offenders(of: typeof every, isFine: (runtime: Manifest) => boolean): string[] {
  return of.filter(({ runtime }) => !isFine(runtime)).map(({ overlay, runtime }) => `${overlay} ${nameOf(runtime)}`);
}

const main = (runtime: Manifest) => containersOf(runtime)[0] ?? {};
const ports = (runtime: Manifest) => objectsAt(main(runtime), "ports");
const probes = ["startupProbe", "readinessProbe", "livenessProbe"] as const;

test.each(overlays)("%s has the three runtimes, and each is valid", (overlay) => {
  const kind = overlay.includes("cluster") ? "ClusterServingRuntime" : "ServingRuntime";
  expect(runtimesOf(overlay).map(nameOf).sort()).toEqual([
    `${kind}/ortler`,
    `${kind}/ortler-gpu`,
    `${kind}/ortler-http`,
  ]);
  expect(runtimesOf(overlay).flatMap(findFaults)).toEqual([]);
});

describe("every runtime", () => {
  test("has the one container, of the name that KServe looks for, and one declared port", () => {
    const isFine = (runtime: Manifest) =>
      containersOf(runtime).length === 1 &&
      textAt(main(runtime), "name") === "kserve-container" &&
      ports(runtime).length === 1;
    expect(offenders(every, isFine)).toEqual([]);
  });

  test("names no protocols: a list without v1 would exclude whoever names none", () => {
    expect(offenders(every, (runtime) => at(runtime, "spec", "protocolVersions") === undefined)).toEqual([]);
  });

  test("has no lifecycle and no port of the queue-proxy, so that Knative takes it", () => {
    const reserved = [8008, 8012, 8013, 8022, 9090, 9091];
    const isFine = (runtime: Manifest) =>
      main(runtime)["lifecycle"] === undefined &&
      ports(runtime).every(({ containerPort }) => !reserved.includes(Number(containerPort)));
    expect(offenders(every, isFine)).toEqual([]);
  });

  test("probes ports by number, and waits for nothing before the first probe", () => {
    const isFine = (runtime: Manifest) =>
      probes.every((name) => {
        const probe = main(runtime)[name];
        const port = at(probe, "grpc", "port") ?? at(probe, "httpGet", "port");
        return typeof port === "number" && at(probe, "initialDelaySeconds") === undefined;
      });
    expect(offenders(every, isFine)).toEqual([]);
  });

  test("is not killed while it drains: liveness fails for longer than a drain takes", () => {
    const isFine = (runtime: Manifest) => {
      const { periodSeconds, failureThreshold } = main(runtime)["livenessProbe"] as Record<string, number>;
      return Number(periodSeconds) * Number(failureThreshold) > 5 + 45; // --shutdown-delay-seconds here, and the default of --shutdown-grace-seconds
    };
    expect(offenders(every, isFine)).toEqual([]);
  });

  test("is a restricted pod's, without a user of its own: OpenShift gives it one", () => {
    const isFine = (runtime: Manifest) => {
      const context = main(runtime)["securityContext"];
      return (
        at(context, "allowPrivilegeEscalation") === false &&
        at(context, "runAsNonRoot") === true &&
        textsAt(context, "capabilities", "drop").join() === "ALL" &&
        textAt(context, "seccompProfile", "type") === "RuntimeDefault" &&
        ["runAsUser", "runAsGroup", "privileged"].every((field) => at(context, field) === undefined)
      );
    };
    expect(offenders(every, isFine)).toEqual([]);
  });

  test("writes below /tmp only, where a volume is; with a GPU, the driver's libraries come into the root", () => {
    const scratch = (runtime: Manifest) =>
      objectsAt(main(runtime), "volumeMounts").map(({ name, mountPath }) => [name, mountPath]);
    expect(every.map(({ runtime }) => scratch(runtime))).toEqual(every.map(() => [["scratch", "/tmp"]]));
    const isReadOnly = ({ runtime }: { runtime: Manifest }) =>
      at(main(runtime), "securityContext", "readOnlyRootFilesystem");
    expect(every.map(isReadOnly)).toEqual(every.map(({ runtime }) => runtime.metadata.name !== "ortler-gpu"));
  });

  test("has no template but the InferenceService's name, since KServe would execute it", () => {
    const texts = every.flatMap(({ runtime }) => [...everything(runtime)].map(({ value }) => value));
    const templates = texts.filter((text) => typeof text === "string" && text.includes("{{"));
    expect(new Set(templates)).toEqual(new Set(["--model-id={{.Name}}"]));
  });

  test("gives the name as --model-id: --model-name is TGIS's word for the model's place", () => {
    expect(offenders(every, (runtime) => !textsAt(main(runtime), "args").join(" ").includes("--model-name"))).toEqual(
      [],
    );
  });

  test("asks for what it is limited to in CPUs, and has a limit of memory, since the server reads both", () => {
    const isFine = (runtime: Manifest) => {
      const resources = main(runtime)["resources"];
      const cpus = at(resources, "limits", "cpu");
      return (
        cpus !== undefined &&
        cpus === at(resources, "requests", "cpu") &&
        at(resources, "limits", "memory") !== undefined
      );
    };
    expect(offenders(every, isFine)).toEqual([]);
  });

  test("tells the pod, and not itself, where the metrics are", () => {
    const annotations = every.map(({ runtime }) => at(runtime, "spec", "annotations", "prometheus.io/port"));
    expect(new Set(annotations)).toEqual(new Set(["3000"]));
  });

  test("is an image of this version, and of a flavour of its own with a GPU", () => {
    const images = runtimesOf("overlays/raw").map((runtime) => [runtime.metadata.name, main(runtime)["image"]]);
    expect(Object.fromEntries(images)).toEqual({
      ortler: `ghcr.io/ortler/ortler:${version}`,
      "ortler-http": `ghcr.io/ortler/ortler:${version}`,
      "ortler-gpu": `ghcr.io/ortler/ortler:${version}-cuda`,
    });
  });
});

test("only one runtime is selected by itself, by clients of Caikit: two of one priority would be refused", () => {
  for (const overlay of overlays) {
    const selecting = runtimesOf(overlay).flatMap((runtime) =>
      objectsAt(runtime, "spec", "supportedModelFormats")
        .filter(({ autoSelect }) => autoSelect === true)
        .map(({ name }) => [runtime.metadata.name, name]),
    );
    expect(selecting).toEqual([["ortler", "caikit"]]);
  }
});

test("gRPC's port is h2c, and Knative's probes ask nothing over HTTP of it", () => {
  const grpc = onKnative.filter(({ runtime }) => runtime.metadata.name !== "ortler-http");
  expect(grpc.map(({ runtime }) => ports(runtime))).toEqual(
    grpc.map(() => [{ name: "h2c", containerPort: 8085, protocol: "TCP" }]),
  );
  const kinds = grpc.flatMap(({ runtime }) => probes.map((name) => at(main(runtime), name, "grpc", "port")));
  expect(new Set(kinds)).toEqual(new Set([8085]));
});

test("on Knative every probe asks the serving port, to which liveness would be turned anyway", () => {
  const isFine = (runtime: Manifest) => {
    const [port = {}] = ports(runtime);
    return probes.every((name) => {
      const probe = main(runtime)[name];
      return [at(probe, "grpc", "port"), at(probe, "httpGet", "port")].includes(port["containerPort"]);
    });
  };
  expect(offenders(onKnative, isFine)).toEqual([]);
});

test("the port of HTTP has Knative's name there, and the one that OpenShift's Route leads to in a raw deployment", () => {
  const nameIn = (overlay: string) =>
    runtimesOf(overlay)
      .filter(({ metadata }) => metadata.name === "ortler-http")
      .map((runtime) => ports(runtime)[0]?.["name"]);
  expect(nameIn("overlays/serverless")).toEqual(["http1"]);
  expect(nameIn("overlays/raw")).toEqual(["http"]);
});

test("a GPU is asked for as a whole, under limits, and its nodes' taint is tolerated", () => {
  const gpu = theOne(runtimesOf("overlays/raw"), "ServingRuntime", "ortler-gpu");
  expect(at(main(gpu), "resources", "limits", "nvidia.com/gpu")).toBe("1");
  expect(at(gpu, "spec", "tolerations")).toEqual([{ key: "nvidia.com/gpu", operator: "Exists", effect: "NoSchedule" }]);
  const others = every.filter(({ runtime }) => runtime.metadata.name !== "ortler-gpu");
  expect(others.filter(({ runtime }) => JSON.stringify(runtime).includes("nvidia"))).toEqual([]);
});

test("an operator's kustomization renames images, and prefixes reach every reference", () => {
  const manifests = renderOver(
    ["overlays/raw", "examples/raw/s3-initializer"],
    "namePrefix: team-\nnamespace: models\nimages: [{name: ghcr.io/ortler/ortler, newName: example.com/ortler, newTag: '2'}]\n",
  );
  const service = theOne(manifests, "InferenceService");
  const account = theOne(manifests, "ServiceAccount");
  expect(at(service, "spec", "predictor", "model", "runtime")).toBe("team-ortler");
  expect(at(service, "spec", "predictor", "serviceAccountName")).toBe("team-models");
  expect(at(account, "secrets")).toEqual([{ name: theOne(manifests, "Secret").metadata.name }]);
  const runtimes = ofKind(manifests, "ServingRuntime");
  expect(runtimes.map((runtime) => main(runtime)["image"])).toEqual(runtimes.map(() => "example.com/ortler:2"));
  expect(manifests.flatMap(findFaults)).toEqual([]);
});

test("prefixes reach the Secrets and claims that an InferenceService names", () => {
  const manifests = renderOver(["overlays/raw", "examples/raw/s3-cache"], "namePrefix: team-\n");
  const predictor = at(theOne(manifests, "InferenceService"), "spec", "predictor");
  const secrets = objectsAt(predictor, "model", "env").map((entry) =>
    textAt(entry, "valueFrom", "secretKeyRef", "name"),
  );
  expect(secrets.filter((name) => name !== "")).toEqual(["team-minio-credentials", "team-minio-credentials"]);
  expect(at(predictor, "volumes", 0, "persistentVolumeClaim", "claimName")).toBe("team-model-cache");
});
