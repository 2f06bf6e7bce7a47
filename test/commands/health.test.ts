/** `ortler health` of the program as built, asking servers of this process. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type AddressInfo, type Server as NetServer } from "node:net";
import { createServer as createHttpServer } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { text } from "node:stream/consumers";
import { pathToFileURL } from "node:url";
import { afterEach, expect, test } from "vitest";
import { healthService, ServingState } from "../../src/api/grpc/health.js";
import { startGrpcServer } from "../../src/api/grpc/server.js";
import { createAuthority } from "../support/certificates.js";

const program = resolve("dist/cli.js");
const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0)) await step();
});

async function runFile(file: string, args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const child = spawn(process.execPath, [file, ...args], { env, stdio: ["ignore", "pipe", "pipe"] });
  const closed = once(child, "close") as Promise<[number | null]>;
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), closed]);
  return { code, stdout, stderr };
}
const health = async (args: readonly string[], env?: Readonly<Record<string, string>>) =>
  runFile(program, ["health", ...args], env);

async function listen(server: NetServer): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  undo.push(() => server.close());
  return (server.address() as AddressInfo).port;
}

/** A health port that says `status`, and for which path it was asked. */
async function startHttp(status: number, body = ""): Promise<number> {
  return listen(createHttpServer((request, response) => response.writeHead(status).end(`${request.url}${body}`)));
}

async function startGrpc(isServing: boolean): Promise<number> {
  const state = new ServingState();
  state.set(isServing);
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
  const server = await startGrpcServer({ host: "127.0.0.1", port: 0, services: [healthService(state, [])], log });
  undo.push(() => server.forceStop());
  return server.port;
}

/** Accepts and never says a word. */
async function startSilent(): Promise<number> {
  const port = await listen(createServer((socket) => void undo.push(() => socket.destroy())));
  return port;
}

async function freedPort(): Promise<number> {
  const server = createServer();
  const port = await listen(server);
  server.close();
  await once(server, "close");
  return port;
}

test("asks /health of the health port, by flag or environment, and ends with 0", async () => {
  const port = await startHttp(200);
  const answer = { code: 0, stdout: `http://127.0.0.1:${port}/health serving: 200 /health\n`, stderr: "" };
  expect(await health([`--health-port=${port}`])).toEqual(answer);
  expect(await health([], { ORTLER_HEALTH_PORT: String(port) })).toEqual(answer);
});

test("ends with 1 and the server's words when it does not serve", async () => {
  const port = await startHttp(503, " loading 63%");
  const address = `http://127.0.0.1:${port}/health`;
  expect(await health([address])).toEqual({
    code: 1,
    stdout: "",
    stderr: `${address} not-serving: 503 /health loading 63%\n`,
  });
});

test("asks the one port for everything where that is what the settings open", async () => {
  const port = await startHttp(200);
  expect(await health([`--port=${port}`])).toMatchObject({
    code: 0,
    stdout: expect.stringContaining("/health serving") as string,
  });
});

test("asks over gRPC where there is no health port", async () => {
  const flags = ["--no-health", "--no-tgis", "--no-http"];
  const serving = await startGrpc(true);
  expect(await health([...flags, `--grpc-port=${serving}`])).toEqual({
    code: 0,
    stdout: `grpc://127.0.0.1:${serving} serving: SERVING\n`,
    stderr: "",
  });
  const draining = await startGrpc(false);
  expect(await health([...flags, `--grpc-port=${draining}`])).toMatchObject({
    code: 1,
    stderr: `grpc://127.0.0.1:${draining} not-serving: NOT_SERVING\n`,
  });
});

test("asks over TLS without minding whose certificate it is", async () => {
  const { key, cert } = createAuthority("nobody known").issue("elsewhere");
  const port = await listen(createHttpsServer({ key, cert }, (_, response) => response.end()));
  expect(await health([`--port=${port}`, "--tls-cert=cert.pem"])).toMatchObject({
    code: 0,
    stdout: `https://127.0.0.1:${port}/health serving: 200\n`,
  });
});

test.each(["http", "grpc"])("over %s, nobody listening and no answer in time end with 1", async (scheme) => {
  const free = `${scheme}://127.0.0.1:${await freedPort()}`;
  expect(await health([free])).toMatchObject({ code: 1, stderr: expect.stringContaining("unreachable: ") as string });
  const silent = `${scheme}://127.0.0.1:${await startSilent()}`;
  expect(await health([silent, "--timeout-seconds=0.2"])).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/silent: no answer within 200 ms\n$/) as string,
  });
});

test("--liveness fails for a server that listens and does not answer, and for no other", async () => {
  const live = async (port: number) =>
    (await health(["--liveness", "--timeout-seconds=0.2", `http://127.0.0.1:${port}`])).code;
  expect([
    await live(await startHttp(200)),
    await live(await startHttp(503)),
    await live(await freedPort()),
    await live(await startSilent()),
  ]).toEqual([0, 0, 0, 1]);
});

const mistakes: [args: string[], message: string][] = [
  [["a", "b"], 'unexpected argument "b"'],
  [["localhost"], 'the address must be a URL, got "localhost"'],
  [["ftp://x/"], "the address must begin with http, https, grpc or grpcs, got ftp://x/"],
  [["--health-port=0"], "port 0 is a free one that only the server knows: name the ADDRESS"],
  [["--no-health", "--no-grpc", "--no-tgis", "--no-http"], "these settings open no port that could be asked"],
];
test.each(mistakes)("health %j is a mistake of usage", async (args, message) => {
  expect(await health(args)).toEqual({ code: 2, stdout: "", stderr: `ortler: ${message}\n` });
});

test("a file called as a peer's program calls its own starts the program by that name", async () => {
  const folder = await mkdtemp(join(tmpdir(), "ortler-peer-"));
  undo.push(async () => rm(folder, { recursive: true }));
  const curl = join(folder, "curl");
  await writeFile(curl, `import(${JSON.stringify(pathToFileURL(program).href)});\n`);
  const port = await startHttp(200);
  expect(await runFile(curl, [`127.0.0.1:${port}/health`])).toMatchObject({
    code: 0,
    stdout: `http://127.0.0.1:${port}/health serving: 200 /health\n`,
  });
});
