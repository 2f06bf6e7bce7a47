/** Runs what the chart says, as a kubelet would: for root, on Linux. */
import { expect, test } from "vitest";
import { ask, expectedText } from "./pod/ask.js";
import { podOfDeployment } from "./pod/pod.js";
import { RunningPod } from "./pod/running-pod.js";
import { renderChart } from "./support/chart.js";

test("the chart's default values give a pod that gets ready, answers, and ends in its grace period", async () => {
  await using running = await RunningPod.start(podOfDeployment(renderChart({})));
  await running.untilReady();
  await running.expectSuccess("liveness");
  expect(await ask(`${running.address}:8085`, "tiny")).toBe(expectedText);
  expect(await running.stop()).toEqual({ exitCode: 0, isInGracePeriod: true });
});

test("the chart's pod lets in those who show a key of the Secret that it mounts", async () => {
  const data = { "api-keys": Buffer.from("sesame\n").toString("base64") };
  const secret = { apiVersion: "v1", kind: "Secret", metadata: { name: "keys" }, data };
  const pod = podOfDeployment([...renderChart({ apiKeys: { secretName: "keys" } }), secret]);
  await using running = await RunningPod.start(pod);
  await running.untilReady();
  const address = `${running.address}:8085`;
  await expect(ask(address, "tiny")).rejects.toThrow("UNAUTHENTICATED");
  expect(await ask(address, "tiny", { authorization: "Bearer sesame" })).toBe(expectedText);
});

test("the pod's process is a stranger without rights, in its memory limit, and can write to its volumes alone", async () => {
  await using running = await RunningPod.start(podOfDeployment(renderChart({})));
  await running.untilReady();
  const writes = ["/tmp/x", "/var/cache/ortler/x", "/x", "/opt/ortler/x"].map((path) => {
    const script = `require("node:fs").writeFileSync("${path}", "")`;
    return running.exec(["/usr/local/bin/node", "-e", script], 10);
  });
  expect(writes).toEqual([0, 0, 1, 1]);
  expect(running.identity()).toEqual({ uid: 1_000_680_000, gid: 0, capabilities: 0n, hasNoNewPrivileges: true });
  expect(running.memoryLimitBytes()).toBe(4 * 2 ** 30);
});
