/** Runs what the manifests say, as a kubelet would: for root, on Linux. */
import { chmodSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { resolve, join } from "node:path";
import { tmpdir } from "node:os";
import { afterAll, expect, onTestFinished, test } from "vitest";
import { ask, askHttp, expectedText } from "./pod/ask.js";
import { podOfPredictor } from "./pod/pod.js";
import { RunningPod } from "./pod/running-pod.js";
import { render } from "./support/kustomize.js";
import { ofKind, parseManifests } from "./support/manifests.js";

/** Stands for the examples' claim `models`. */
const claim = mkdtempSync(join(tmpdir(), "ortler-claim-"));
symlinkSync(resolve("models/tiny"), join(claim, "gpt2"));
afterAll(() => rmSync(claim, { recursive: true }));

test.for(["serverless", "raw"])(
  "KServe's gRPC runtime gets ready, answers, and ends in its grace period, in the mode %s",
  async (mode) => {
    const manifests = [...render(`overlays/${mode}`), ...render(`examples/${mode}/pvc`)];
    await using running = await RunningPod.start(podOfPredictor(manifests, { models: claim }));
    await running.untilReady();
    await running.expectSuccess("liveness");
    expect(await ask(`${running.address}:8085`, "gpt2")).toBe(expectedText);
    expect(await running.stop()).toEqual({ exitCode: 0, isInGracePeriod: true });
  },
);

test.for(["serverless", "raw"])(
  "KServe's HTTP runtime gets ready, answers, and ends in its grace period, in the mode %s",
  async (mode) => {
    const [service] = ofKind(render(`examples/${mode}/pvc`), "InferenceService");
    const asked = JSON.stringify(service).replace('"runtime":"ortler"', '"runtime":"ortler-http"');
    const manifests = [...render(`overlays/${mode}`), ...parseManifests(asked)];
    await using running = await RunningPod.start(podOfPredictor(manifests, { models: claim }));
    await running.untilReady();
    await running.expectSuccess("liveness");
    expect(await askHttp(`${running.address}:8080`)).toBe(expectedText);
    expect(await running.stop()).toEqual({ exitCode: 0, isInGracePeriod: true });
  },
);

test("a container that ends before it has started is not taken for a ready one, and its last words are told", async () => {
  const manifests = [...render("overlays/raw"), ...render("examples/raw/pvc")];
  const pod = podOfPredictor(manifests, { models: claim });
  await using running = await RunningPod.start({ ...pod, args: [...pod.args, "--no-such-setting"] });
  await expect(running.untilReady()).rejects.toThrow(/^startup: ended: .*no-such-setting/s);
});

test("a container that works on beyond its grace period is killed, and is not taken for one that ended by itself", async () => {
  const manifests = [...render("overlays/raw"), ...render("examples/raw/pvc")];
  const pod = podOfPredictor(manifests, { models: claim });
  const args = [...pod.args, "--shutdown-delay-seconds=20"];
  await using running = await RunningPod.start({ ...pod, args, graceSeconds: 1 });
  await running.untilReady();
  expect(await running.stop()).toEqual({ exitCode: null, isInGracePeriod: false });
});

test("a model that its container may not read ends it with a line that says who may not", async () => {
  const manifests = [...render("overlays/raw"), ...render("examples/raw/pvc")];
  const models = mkdtempSync(join(tmpdir(), "ortler-claim-"));
  onTestFinished(() => rmSync(models, { recursive: true }));
  chmodSync(models, 0o700);
  const pod = podOfPredictor(manifests, { models });
  const mounts = pod.mounts.map((mount) => (mount.kind === "folder" ? { ...mount, folder: models } : mount));
  await using running = await RunningPod.start({ ...pod, mounts });
  await expect(running.untilReady()).rejects.toThrow(
    /^startup: ended: .*cannot start: \/mnt\/models\S* cannot be read by uid 1000680000, gid 0 \(EACCES\)/s,
  );
});

test("a model that another container brings late is waited for, and health says so", async () => {
  const pod = podOfPredictor([...render("overlays/raw"), ...render("examples/raw/pvc")], { models: claim });
  const mounts = [...pod.mounts.filter(({ kind }) => kind !== "folder"), { kind: "scratch", path: "/mnt" } as const];
  await using running = await RunningPod.start({ ...pod, mounts, env: { ...pod.env, MODEL_INIT_MODE: "async" } });
  const health = async (): Promise<unknown> => (await fetch(`http://${running.address}:3000/health`)).json();
  await expect.poll(health, { timeout: 20_000 }).toEqual({ error: "waiting for the model" });
  const link = `require("node:fs").symlinkSync("/opt/ortler/models/tiny", "/mnt/models")`;
  expect(running.exec(["/usr/local/bin/node", "-e", link], 10)).toBe(0);
  await running.untilReady();
  expect(await ask(`${running.address}:8085`, "gpt2")).toBe(expectedText);
});

test("args of runtime and InferenceService are joined, and Secrets, names and limits filled in, as KServe does it", () => {
  const manifests = [...render("overlays/serverless"), ...render("examples/serverless/s3-loader")];
  const pod = podOfPredictor(manifests);
  expect(pod.args.join(" ")).toMatch(/^serve --model=.mnt.models --model-id=gpt2 .*--model=s3:..models.gpt2.$/);
  expect(pod).toMatchObject({
    env: { AWS_ENDPOINT_URL: "http://minio.minio.svc:9000", AWS_SECRET_ACCESS_KEY: "change-me" },
    mounts: [{ kind: "scratch", path: "/tmp" }],
    graceSeconds: 600,
    memoryBytes: 4_294_967_296,
  });
});
