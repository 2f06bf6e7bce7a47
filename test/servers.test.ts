import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "node:tls";
import { status } from "@grpc/grpc-js";
import OpenAI from "openai";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  BatchedGenerationRequestSchema,
  BatchedTokenizeRequestSchema,
} from "../src/api/grpc/generated/fmaas/generation_pb.js";
import { TextGenerationTaskRequestSchema } from "../src/api/grpc/generated/caikit/runtime/nlp_pb.js";
import { HealthCheckRequestSchema } from "../src/api/grpc/generated/grpc/health/v1/health_pb.js";
import { ServerLiveRequestSchema } from "../src/api/grpc/generated/inference/grpc_service_pb.js";
import { startService, type Service } from "../src/assemble.js";
import { loadOptions } from "../src/config/load.js";
import { settings } from "../src/config/settings.js";
import { createLogger } from "../src/telemetry/log.js";
import { createAuthority } from "./support/certificates.js";
import { encode, RawClient } from "./support/grpc.js";
import { Http2Connection } from "./support/http2.js";

const log = createLogger({ level: "off", format: "json" });
const ownPorts = ["grpc", "tgis", "http", "health"].map((name) => `--${name}-port=0`);
const configOf = (args: readonly string[], ports = ownPorts) =>
  loadOptions({ table: settings, args: ["--host=127.0.0.1", ...ports, ...args] }).values;

let service: Service;
beforeAll(async () => {
  service = await startService(configOf([]), log);
});
afterAll(() => service.drain(0));

const port = (name: string): number => service.ports[name] ?? 0;
const prompt = "In the beginning";

async function post(path: string, body: unknown): Promise<Record<string, unknown>> {
  const response = await fetch(`http://127.0.0.1:${port("http")}${path}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  return (await response.json()) as Record<string, unknown>;
}

test("every gRPC service answers on both gRPC ports", async () => {
  const batch = encode(BatchedGenerationRequestSchema, { requests: [{ text: prompt }] });
  const task = encode(TextGenerationTaskRequestSchema, { text: prompt });
  for (const name of ["grpc", "tgis"]) {
    const client = new RawClient(port(name));
    const tgis = await client.call("/fmaas.GenerationService/Generate", batch);
    const caikit = await client.call("/caikit.runtime.Nlp.NlpService/TextGenerationTaskPredict", task);
    const inference = await client.call(
      "/inference.GRPCInferenceService/ServerLive",
      encode(ServerLiveRequestSchema, {}),
    );
    client.close();
    expect([tgis.code, caikit.code, inference.code]).toEqual([status.OK, status.OK, status.OK]);
  }
});

test("the same greedy request gives the same text through Caikit REST, OpenAI, TGI and Open Inference", async () => {
  const caikit = await post("/api/v1/task/text-generation", {
    model_id: "any",
    inputs: prompt,
    parameters: { max_new_tokens: 12 },
  });
  const openAi = await post("/v1/completions", { model: "tiny", prompt, max_tokens: 12, temperature: 0 });
  const tgi = await post("/generate", { inputs: prompt, parameters: { max_new_tokens: 12 } });
  const v2 = await post("/v2/models/tiny/generate", {
    text_input: prompt,
    parameters: { max_tokens: 12, temperature: 0 },
  });
  const text = caikit["generated_text"];
  expect(text).toMatch(/^ \w+/);
  expect(openAi).toMatchObject({ choices: [{ text }], usage: { completion_tokens: 12 } });
  expect(tgi).toMatchObject({ generated_text: text });
  expect(v2).toMatchObject({ text_output: text });
});

test("health and metrics have a port of their own, and count what the APIs do", async () => {
  const client = new RawClient(port("tgis"));
  await client.call("/fmaas.GenerationService/Generate", encode(BatchedGenerationRequestSchema, {}));
  await client.call(
    "/fmaas.GenerationService/Tokenize",
    encode(BatchedTokenizeRequestSchema, { requests: [{ text: prompt }] }),
  );
  client.close();
  const base = `http://127.0.0.1:${port("health")}`;
  const metrics = await (await fetch(`${base}/metrics`)).text();
  expect((await fetch(`${base}/health`)).status).toBe(200);
  expect(metrics).toMatch(/^tgi_request_count\{kind="batch"\} 1$/m);
  expect(metrics).toMatch(/^tgi_tokenize_request_input_count 1$/m);
  expect(metrics).toMatch(/^predict_rpc_count_total\{/m);
  expect(metrics).toMatch(/^ortler_decode_batch_size_count [1-9]/m);
});

test("a batch that does not fit is refused before anything of it is looked at, and counted", async () => {
  const small = await startService(configOf(["--max-concurrent-requests=1"]), log);
  const client = new RawClient(small.ports["tgis"] ?? 0);
  const broken = { stopping: { maxNewTokens: 100_000 } };
  const requests = [{ text: prompt }, { text: prompt }];
  const batch = encode(BatchedGenerationRequestSchema, { requests, params: broken });
  const answer = await client.call("/fmaas.GenerationService/Generate", batch);
  client.close();
  const metrics = await (await fetch(`http://127.0.0.1:${small.ports["health"]}/metrics`)).text();
  await small.drain(0);
  expect(answer).toMatchObject({ code: status.RESOURCE_EXHAUSTED, details: "Model is overloaded" });
  expect(metrics).toMatch(/^tgi_request_failure\{err="conc_limit"\} 1$/m);
  expect(metrics).toMatch(/^tgi_request_count\{kind="batch"\} 1$/m);
});

test("a prompt with too many characters is refused by every API, by its name for the prompt, and so is a text to tokenize", async () => {
  const strict = await startService(configOf(["--port=0", "--max-prompt-characters=20"], []), log);
  const number = strict.ports["http"] ?? 0;
  const text = "x".repeat(21);
  const ask = async (path: string, body: unknown): Promise<string> => {
    const init = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
    const response = await fetch(`http://127.0.0.1:${number}${path}`, init);
    return `${response.status} ${await response.text()}`;
  };
  const client = new RawClient(number);
  const batch = encode(BatchedGenerationRequestSchema, { requests: [{ text }] });
  const tgis = await client.call("/fmaas.GenerationService/Generate", batch);
  const texts = encode(BatchedTokenizeRequestSchema, { requests: [{ text: "x" }, { text }] });
  const tgisTokenize = await client.call("/fmaas.GenerationService/Tokenize", texts);
  const task = encode(TextGenerationTaskRequestSchema, { text });
  const tokenization = await client.call("/caikit.runtime.Nlp.NlpService/TokenizationTaskPredict", task);
  client.close();
  const answers = [
    await ask("/v1/completions", { model: "tiny", prompt: text, max_tokens: 1 }),
    await ask("/generate", { inputs: text }),
    await ask("/api/v1/task/text-generation", { model_id: "any", inputs: text }),
    await ask("/v2/models/tiny/generate", { text_input: text }),
  ];
  await strict.drain(0);
  const details = "input characters (21) must be <= 20";
  expect([tgis, tgisTokenize]).toMatchObject(Array(2).fill({ code: status.INVALID_ARGUMENT, details }));
  expect(tokenization.code).toBe(status.INVALID_ARGUMENT);
  expect(answers).toEqual([
    expect.stringMatching(/^400 .*prompt: the prompt must have at most 20 characters .*got 21.*"param":"prompt"/),
    expect.stringMatching(/^422 .*`inputs` must have at most 20 characters. Given: 21/),
    expect.stringMatching(/^4\d\d .*input characters \(21\) must be <= 20/),
    expect.stringMatching(/^4\d\d .*at most 20 characters.*got 21/),
  ]);
});

test("OpenAI requests may name any model once their check is switched off", async () => {
  const asked = { model: "another", prompt, max_tokens: 1 };
  expect(await post("/v1/completions", asked)).toMatchObject({ error: { code: "model_not_found" } });
  const lax = await startService(configOf(["--no-openai-model-check"]), log);
  const body = JSON.stringify(asked);
  const url = `http://127.0.0.1:${lax.ports["http"]}/v1/completions`;
  const response = await fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body });
  await lax.drain(0);
  expect(response.status).toBe(200);
});

test("one port serves every API, health and metrics, and is named for each in the ready line", async () => {
  const one = await startService(configOf(["--port=0"], []), log);
  const number = one.ports["http"] ?? 0;
  const base = `http://127.0.0.1:${number}`;
  const client = new RawClient(number);
  const batch = encode(BatchedGenerationRequestSchema, { requests: [{ text: prompt }] });
  const tgis = await client.call("/fmaas.GenerationService/Generate", batch);
  client.close();
  const openai = new OpenAI({ baseURL: `${base}/v1`, apiKey: "none", maxRetries: 0 });
  const asked = { model: "tiny", prompt, max_tokens: 12, temperature: 0 };
  const { choices } = await openai.completions.create(asked);
  let streamed = "";
  for await (const chunk of await openai.completions.create({ ...asked, stream: true })) {
    streamed += chunk.choices[0]?.text ?? "";
  }
  const connection = new Http2Connection(base);
  const json = { "content-type": "application/json" };
  const { body } = await connection.ask("/v1/completions", JSON.stringify(asked), json);
  const sse = await connection.ask("/v1/completions", JSON.stringify({ ...asked, stream: true }), json);
  connection.close();
  const metrics = await (await fetch(`${base}/metrics`)).text();
  const health = await fetch(`${base}/health`);
  await one.drain(0);
  expect(one.ports).toEqual({ grpc: number, tgis: number, http: number, health: number });
  expect(tgis.code).toBe(status.OK);
  expect(streamed).toBe(choices[0]?.text);
  expect(JSON.parse(String(body))).toMatchObject({ choices: [{ text: streamed }] });
  expect(String(sse.body)).toMatch(/\n\ndata: \[DONE\]\n\n$/);
  expect(metrics).toMatch(/^tgi_request_count\{kind="single"\} \d+$/m);
  expect([health.status, await health.text()]).toEqual([200, ""]);
});

test("what is switched off is not on the one port either", async () => {
  const grpcOnly = await startService(configOf(["--port=0", "--no-http", "--no-health"], []), log);
  const number = grpcOnly.ports["grpc"] ?? 0;
  const answers = [];
  for (const path of ["/health", "/v1/models"]) {
    answers.push((await fetch(`http://127.0.0.1:${number}${path}`)).status);
  }
  await grpcOnly.drain(0);
  expect(grpcOnly.ports).toEqual({ grpc: number, tgis: number });
  expect(answers).toEqual([404, 404]);
});

test("with TLS the one port is secure, and a health port that is given stays plain", async () => {
  const authority = createAuthority("authority");
  const { cert, key } = authority.issue("server");
  const args = ["--port=0", "--health-port=0", `--tls-cert=${cert}`, `--tls-key=${key}`];
  const secure = await startService(configOf(args, []), log);
  const { http, health } = secure.ports;
  const connection = new Http2Connection(`https://localhost:${http}`, { ca: authority.cert });
  const { headers } = await connection.ask("/v1/models");
  connection.close();
  const plain = await fetch(`http://127.0.0.1:${health}/health`);
  await secure.drain(0);
  expect([headers[":status"], plain.status]).toEqual([200, 200]);
});

test("a port that is switched off is not listened on", async () => {
  const grpcOnly = await startService(configOf(["--no-http", "--tgis=false", "--no-health"]), log);
  expect(Object.keys(grpcOnly.ports)).toEqual(["grpc"]);
  await grpcOnly.drain(0);
});

test("with a certificate the gRPC and HTTP ports speak TLS, and the health port stays plain", async () => {
  const authority = createAuthority("authority");
  const { cert, key } = authority.issue("server");
  const secure = await startService(configOf([`--tls-cert=${cert}`, `--tls-key=${key}`]), log);
  const { health, ...others } = secure.ports;
  for (const number of Object.values(others)) {
    const socket = connect({ host: "127.0.0.1", port: number, ca: authority.cert });
    await once(socket, "secureConnect");
    socket.destroy();
  }
  expect(Object.keys(others)).toEqual(["grpc", "tgis", "http"]);
  expect((await fetch(`http://127.0.0.1:${health}/health`)).status).toBe(200);
  await secure.drain(0);
});

test("with keys the gRPC and HTTP ports ask for one, and the health port does not", async () => {
  const folder = mkdtempSync(join(tmpdir(), "ortler-servers-"));
  writeFileSync(join(folder, "keys"), "key-1");
  const guarded = await startService(configOf([`--api-keys-file=${join(folder, "keys")}`]), log);
  const { grpc = 0, tgis = 0, http, health } = guarded.ports;
  const codes = [];
  for (const number of [grpc, tgis]) {
    const client = new RawClient(number);
    for (const metadata of [[], [["authorization", "Bearer key-1"]] as const]) {
      const answer = await client.call("/fmaas.GenerationService/ModelInfo", undefined, metadata);
      codes.push(answer.code);
    }
    client.close();
  }
  for (const address of [`${http}/v1/models`, `${http}/health`, `${health}/health`, `${health}/metrics`]) {
    codes.push((await fetch(`http://127.0.0.1:${address}`)).status);
  }
  await guarded.drain(0);
  rmSync(folder, { recursive: true });
  const { UNAUTHENTICATED, OK } = status;
  expect(codes).toEqual([UNAUTHENTICATED, OK, UNAUTHENTICATED, OK, 401, 200, 200, 200]);
});

test.each([
  [["--tls-cert=/none/tls.crt", "--tls-key=/none/tls.key"], "the TLS certificate /none/tls.crt cannot be used: ENOENT"],
  [["--api-keys-file=/none/keys"], "--api-keys-file /none/keys cannot be read: ENOENT"],
  [["--grpc-port=9", "--http-port=9"], "--grpc-port and --http-port are both 9"],
])("%j stops the start before the model is loaded", async (args, message) => {
  const logged: string[] = [];
  const note = (line: string): void => void logged.push(line);
  const starting = startService(configOf(args), { ...log, info: note });
  await expect(starting).rejects.toThrow(message);
  expect(logged).toEqual([]);
});

test("a taken HTTP port stops the start and is named", async () => {
  const taken = createServer().listen(0, "127.0.0.1");
  await once(taken, "listening");
  const address = taken.address();
  const number = typeof address === "object" && address !== null ? address.port : 0;
  const starting = startService(configOf([`--http-port=${number}`]), log);
  await expect(starting).rejects.toThrow(new RegExp(`cannot listen on 127.0.0.1:${number}: .*EADDRINUSE`));
  taken.close();
});

test.each([
  ["ports of their own", ownPorts],
  ["one port", ["--port=0"]],
])("a service that turns unready says so on every way of health, and answers all the same: %s", async (_, ports) => {
  const ending = await startService(configOf([], [...ports]), log);
  const url = (name: string, path: string) => `http://127.0.0.1:${ending.ports[name]}${path}`;
  ending.turnUnready();
  const client = new RawClient(ending.ports["grpc"] ?? 0);
  const health = await client.call("/grpc.health.v1.Health/Check", encode(HealthCheckRequestSchema, {}));
  const answer = await client.call(
    "/caikit.runtime.Nlp.NlpService/TextGenerationTaskPredict",
    encode(TextGenerationTaskRequestSchema, { text: prompt }),
  );
  client.close();
  const ready = await fetch(url("http", "/v2/health/ready"));
  const unhealthy = await fetch(url("health", "/health"));
  const completion = await fetch(url("http", "/v1/completions"), {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model: "tiny", prompt, max_tokens: 1 }),
  });
  await ending.drain(0);
  expect([ready.status, unhealthy.status, completion.status, answer.code]).toEqual([503, 503, 200, status.OK]);
  expect(health.messages.map((message) => [...message])).toEqual([[0x08, 0x02]]); // field 1: NOT_SERVING
});
