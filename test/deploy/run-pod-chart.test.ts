/** Runs what the chart says, as a kubelet would: for root, on Linux. */
import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { ask, askHttp, expectedText } from "./pod/ask.js";
import { podOfPredictor, podOfWorkload } from "./pod/pod.js";
import { RunningPod } from "./pod/running-pod.js";
import { renderChart } from "./support/chart.js";

test("the chart's default values give a pod that gets ready, answers, and ends in its grace period", async () => {
  await using running = await RunningPod.start(podOfWorkload(renderChart({})));
  await running.untilReady();
  await running.expectSuccess("liveness");
  expect(await ask(`${running.address}:8085`, "tiny")).toBe(expectedText);
  expect(await running.stop()).toEqual({ exitCode: 0, isInGracePeriod: true });
});

test("the chart's pod lets in those who show a key of the Secret that it mounts", async () => {
  const data = { "api-keys": Buffer.from("sesame\n").toString("base64") };
  const secret = { apiVersion: "v1", kind: "Secret", metadata: { name: "keys" }, data };
  const pod = podOfWorkload([...renderChart({ apiKeys: { secretName: "keys" } }), secret]);
  await using running = await RunningPod.start(pod);
  await running.untilReady();
  const address = `${running.address}:8085`;
  await expect(ask(address, "tiny")).rejects.toThrow("UNAUTHENTICATED");
  expect(await ask(address, "tiny", { authorization: "Bearer sesame" })).toBe(expectedText);
});

test("the pod's process is a stranger without rights, in its memory limit, and can write to its volumes alone", async () => {
  await using running = await RunningPod.start(podOfWorkload(renderChart({})));
  await running.untilReady();
  const writes = ["/tmp/x", "/var/cache/ortler/x", "/x", "/opt/ortler/x"].map((path) => {
    const script = `require("node:fs").writeFileSync("${path}", "")`;
    return running.exec(["/usr/local/bin/node", "-e", script], 10);
  });
  expect(writes).toEqual([0, 0, 1, 1]);
  expect(running.identity()).toEqual({ uid: 1_000_680_000, gid: 0, capabilities: 0n, hasNoNewPrivileges: true });
  expect(running.memoryLimitBytes()).toBe(4 * 2 ** 30);
});

/** An empty volume that the container's group may write to. */
function claim(): string {
  const volume = mkdtempSync(join(tmpdir(), "ortler-claim-"));
  onTestFinished(() => rmSync(volume, { recursive: true }));
  chmodSync(volume, 0o770);
  return volume;
}

/** Every file below, with the time at which it was written. */
function filesIn(folder: string): string[] {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return entries.map(({ parentPath, name }) => `${name} ${statSync(join(parentPath, name)).mtimeMs}`).sort();
}

test("a StatefulSet's pod finds again on its claim what the one before has quantised", async () => {
  const volume = claim();
  const values = { workload: "StatefulSet", modelCache: { type: "claim", size: "1Gi" }, model: { dtype: "int8" } };
  const pod = podOfWorkload(renderChart(values), { "cache-gpt2-ortler-0": volume });
  const runOnce = async (): Promise<string[]> => {
    await using running = await RunningPod.start(pod);
    await running.untilReady();
    await ask(`${running.address}:8085`, "any");
    expect(await running.stop()).toEqual({ exitCode: 0, isInGracePeriod: true });
    return filesIn(volume);
  };
  const written = await runOnce();
  expect(written).not.toEqual([]);
  expect(await runOnce()).toEqual(written);
});

test.for([
  ["Serverless", "grpc"],
  ["Serverless", "http"],
  ["RawDeployment", "grpc"],
  ["RawDeployment", "http"],
] as const)(
  "in KServe's mode %s the chart's pod gets ready, answers %s on the port that KServe exposes, and ends in its grace period",
  async ([deploymentMode, protocol]) => {
    const pod = podOfPredictor(renderChart({ kserve: { enabled: true, deploymentMode, protocol } }));
    await using running = await RunningPod.start(pod);
    await running.untilReady();
    await running.expectSuccess("liveness");
    const { address } = running;
    const answer = protocol === "grpc" ? ask(`${address}:8085`, "gpt2-ortler") : askHttp(`${address}:8080`);
    expect(await answer).toBe(expectedText);
    expect(await running.stop()).toEqual({ exitCode: 0, isInGracePeriod: true });
  },
);

test("in KServe's mode a model on a claim is where KServe mounts it", async () => {
  const models = claim();
  symlinkSync(resolve("models/tiny"), join(models, "gpt2"));
  const values = { kserve: { enabled: true, deploymentMode: "RawDeployment" }, model: { uri: "pvc://models/gpt2" } };
  await using running = await RunningPod.start(podOfPredictor(renderChart(values), { models }));
  await running.untilReady();
  expect(await ask(`${running.address}:8085`, "gpt2-ortler")).toBe(expectedText);
});
