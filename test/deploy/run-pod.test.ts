/** Runs what the manifests say, as a kubelet would: for root, on Linux. */
import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { resolve, join } from "node:path";
import { tmpdir } from "node:os";
import { afterAll, expect, test } from "vitest";
import { ask, expectedText } from "./pod/ask.js";
import { podOfPredictor } from "./pod/pod.js";
import { RunningPod } from "./pod/running-pod.js";
import { render } from "./support/kustomize.js";

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
