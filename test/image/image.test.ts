/** The image's root file system runs, as a pod would run it. `npm run image:rootfs` makes it. */
import { cpSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { status } from "@grpc/grpc-js";
import { afterAll, describe, expect, test } from "vitest";
import { TextGenerationTaskRequestSchema } from "../../src/api/grpc/generated/caikit/runtime/nlp_pb.js";
import { GeneratedTextResultSchema } from "../../src/api/grpc/generated/caikit_data_model/nlp_pb.js";
import { encode, only, RawClient } from "../support/grpc.js";
import { completeReferences, fixtures } from "../support/reference.js";
import { Container } from "./container.js";

const [reference] = completeReferences(`${fixtures}/tiny-reference.json`);
const volumes = mkdtempSync(join(tmpdir(), "ortler-volumes-"));
const [models, nothing] = [join(volumes, "models"), join(volumes, "nothing")];
for (const volume of [models, nothing]) mkdirSync(volume);
cpSync("models/tiny", join(models, "artifacts"), { recursive: true });
afterAll(() => rmSync(volumes, { recursive: true }));

/** Ports of this machine that were free a moment ago. */
async function freePorts(count: number): Promise<string[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0));
  await Promise.all(servers.map(async (server) => once(server, "listening")));
  const ports = servers.map((server) => String((server.address() as AddressInfo).port));
  for (const server of servers) server.close();
  return ports;
}

/** The environment that moves all ports out of the way of others. */
async function movedPorts(): Promise<Record<string, string>> {
  const [grpc = "", tgis = "", http = "", health = ""] = await freePorts(4);
  return { ORTLER_GRPC_PORT: grpc, ORTLER_TGIS_PORT: tgis, ORTLER_HTTP_PORT: http, ORTLER_HEALTH_PORT: health };
}

/** What the server on a gRPC port makes of the reference's prompt. */
async function generate(port = 0) {
  const client = new RawClient(port);
  const request = encode(TextGenerationTaskRequestSchema, {
    text: reference?.prompt ?? "",
    maxNewTokens: BigInt(reference?.greedy.ids.length ?? 0),
  });
  const answer = await client.call("/caikit.runtime.Nlp.NlpService/TextGenerationTaskPredict", request);
  client.close();
  expect(answer.code).toBe(status.OK);
  return only(GeneratedTextResultSchema, answer).generatedText;
}

describe("the cpu image, with a read-only root, as a user that nobody knows", () => {
  test("serves the model at /mnt/models without being told, and ends with 0 on SIGTERM", async () => {
    await using container = await Container.start({ target: "cpu", model: models, env: await movedPorts() });
    expect(await generate(container.ready.ports["grpc"])).toBe(reference?.greedy.text);
    expect(await container.stop()).toBe(0);
  });

  test("serves the model that ships when there is nothing, its docs page included", async () => {
    await using container = await Container.start({ target: "cpu", model: nothing, env: await movedPorts() });
    expect(container.ready.model).toBe("tiny");
    const at = `http://127.0.0.1:${container.ready.ports["http"]}`;
    const page = await (await fetch(`${at}/docs`)).text();
    const assets = [...page.matchAll(/(?:src|href)="([^"]+\.(?:js|css))"/g)].map(([, path = ""]) => path);
    expect(assets).toContain("docs/swagger-ui-bundle.js");
    for (const path of assets) expect((await fetch(new URL(path, `${at}/docs`))).status).toBe(200);
  });

  test("runs Node as the first process, without a shell, a user name, or a place to write but /tmp", async () => {
    await using container = await Container.start({ target: "cpu", model: models, env: await movedPorts() });
    const script = `
      const fs = require("node:fs");
      const fails = (does) => { try { does(); return "done"; } catch (error) { return error.code; } };
      console.log(JSON.stringify({
        first: fs.readFileSync("/proc/1/cmdline", "utf8").split("\\0")[0],
        ids: [process.getuid(), process.getgid(), ...process.getgroups()],
        rights: /^CapEff:\\s+(\\w+)$/m.exec(fs.readFileSync("/proc/1/status", "utf8"))[1],
        name: fails(() => require("node:os").userInfo()),
        program: fails(() => fs.writeFileSync("/opt/ortler/x", "")),
        model: fails(() => fs.writeFileSync("/mnt/models/x", "")),
        scratch: fails(() => fs.writeFileSync("/tmp/x", "")),
        shell: fs.existsSync("/bin/sh"),
      }));`;
    expect(JSON.parse(container.exec("/usr/local/bin/node", "-e", script).output)).toEqual({
      first: "/usr/local/bin/node",
      ids: [1_000_680_000, 0, 0],
      rights: "0000000000000000",
      name: "ERR_SYSTEM_ERROR",
      program: "EROFS",
      model: "EROFS",
      scratch: "done",
      shell: false,
    });
  });

  test("answers exec probes by its own name and by those of the peers, and has the load test", async () => {
    const env = await movedPorts();
    const args = ["serve", "--model=/mnt/models"];
    await using container = await Container.start({ target: "cpu", model: models, args, env });
    const health = env["ORTLER_HEALTH_PORT"] ?? "";
    expect(container.exec("/usr/local/bin/ortler", "health")).toEqual({
      code: 0,
      output: `http://127.0.0.1:${health}/health serving: 200\n`,
    });
    expect(container.exec("/usr/local/bin/curl", `localhost:${health}/health`).code).toBe(0);
    expect(container.exec("/usr/local/bin/curl", `localhost:${health}/nowhere`).code).toBe(1);
    expect(container.exec("/usr/local/bin/python", "-m", "caikit_health_probe", "readiness").code).toBe(0);
    expect(container.exec("/usr/local/bin/python", "-m", "caikit_health_probe", "liveness").code).toBe(0);
    expect(container.exec("/usr/local/bin/ortler", "bench", "--help").code).toBe(0);
  });
});

test("stands in for both containers of a Caikit and TGIS pod, which share their network", async () => {
  const [tgis = "", tgisHealth = "", grpc = "", http = "", metrics = ""] = await freePorts(5);
  await using launcher = await Container.start({
    target: "cpu",
    model: models,
    command: ["text-generation-launcher"],
    args: ["--model-name=/mnt/models/artifacts/", `--port=${tgisHealth}`, `--grpc-port=${tgis}`],
  });
  await using caikit = await Container.start({
    target: "caikit",
    model: models,
    env: {
      RUNTIME_LOCAL_MODELS_DIR: "/mnt/models",
      RUNTIME_GRPC_PORT: grpc,
      RUNTIME_HTTP_PORT: http,
      ORTLER_HEALTH_PORT: metrics,
    },
  });
  expect(launcher.ready.ports).toEqual({ tgis: Number(tgis), health: Number(tgisHealth) });
  expect(caikit.ready.ports).toEqual({ grpc: Number(grpc), http: Number(http), health: Number(metrics) });
  expect(await generate(Number(grpc))).toBe(reference?.greedy.text);
  expect(caikit.exec("/usr/local/bin/python", "-m", "caikit_health_probe", "readiness").code).toBe(0);
  expect([await launcher.stop(), await caikit.stop()]).toEqual([0, 0]);
});
