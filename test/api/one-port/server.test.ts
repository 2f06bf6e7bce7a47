/** One port for gRPC, HTTP, health and metrics, with real clients of each. */
import { once } from "node:events";
import type { IncomingHttpHeaders } from "node:http2";
import { status } from "@grpc/grpc-js";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ApiKeys } from "../../../src/api/api-keys.js";
import type { HttpApi } from "../../../src/api/http/api.js";
import { EventStream } from "../../../src/api/http/sse.js";
import { defaultLimits } from "../../../src/api/limits.js";
import { finish, nextMessage } from "../../support/grpc.js";
import { startTestOnePort, type TestOnePort } from "../../support/one-port.js";
import { PortClients, readAll } from "../../support/port-clients.js";
import { hanging } from "../../support/scripted-engine.js";
import { until } from "../../support/settled.js";

const predict = "/caikit.runtime.Nlp.NlpService/TextGenerationTaskPredict";
const predictStream = "/caikit.runtime.Nlp.NlpService/ServerStreamingTextGenerationTaskPredict";

let server: TestOnePort;
let clients: PortClients;
beforeEach(async () => {
  server = await startTestOnePort();
  clients = new PortClients(() => server.port);
});
afterEach(() => {
  clients.close();
  server.forceStop();
});

test("gRPC, HTTP/1.1, and REST over HTTP/2 without TLS are answered on the same port", async () => {
  const grpc = await clients.overGrpc().call(predict);
  const http1 = await (await fetch(`${clients.url}/hello`)).text();
  const http2 = await clients.overHttp2().ask("/hello");
  expect([grpc.code, http1, http2.headers[":status"], String(http2.body)]).toEqual([0, "hello", 200, "hello"]);
});

test("one connection carries REST and gRPC at once, as that of a proxy does", async () => {
  const connection = clients.overHttp2();
  const stream = connection.open("/stream");
  const [head] = (await once(stream, "response")) as [IncomingHttpHeaders];
  const json = { "content-type": "application/json" };
  const calls = await Promise.all([
    connection.call(predict),
    connection.ask("/echo", `{"a":1}`, json),
    connection.call(predictStream),
    connection.ask("/nope"),
  ]);
  server.proceed();
  const events = Buffer.concat((await stream.toArray()) as Buffer[]).toString();
  expect(calls.map(({ headers, trailers }) => trailers["grpc-status"] ?? headers[":status"])).toEqual([
    "0",
    200,
    "0",
    404,
  ]);
  expect(String(calls[1].body)).toBe(`{"a":1}`);
  expect([head["content-type"], events]).toEqual(["text/event-stream; charset=utf-8", "data: one\n\ndata: two\n\n"]);
});

test("answers over HTTP/2 have none of the headers of an HTTP/1.1 connection, and Node warns of none", async () => {
  const warnings: string[] = [];
  const listen = (warning: Error): void => void warnings.push(warning.message);
  process.on("warning", listen);
  clients.atEnd(() => process.off("warning", listen));
  const connection = clients.overHttp2();
  server.proceed();
  const names = [];
  for (const path of ["/hello", "/stream", "/nope", "/%zz"]) {
    names.push(Object.keys((await connection.ask(path)).headers).sort());
  }
  expect(names).toEqual([
    [":status", "content-length", "content-type", "date"],
    [":status", "content-type", "date"],
    [":status", "content-length", "content-type", "date"],
    [":status", "content-length", "content-type", "date"],
  ]);
  expect(warnings).toEqual([]);
});

test("events that are sent at once, and an end without text, arrive as they were sent", async () => {
  server.forceStop();
  const burst: HttpApi = (app) => {
    app.get("/burst", async (_request, reply) => {
      const stream = new EventStream(reply);
      await Promise.all(["a", "b", "c"].map(async (text) => stream.send(text.repeat(20))));
      stream.end();
    });
  };
  server = await startTestOnePort({ apis: [burst] });
  const { body } = await clients.overHttp2().ask("/burst");
  expect(String(body)).toBe("a".repeat(20) + "b".repeat(20) + "c".repeat(20));
});

test("a client that cancels its stream over HTTP/2 aborts it, and its connection goes on", async () => {
  const connection = clients.overHttp2();
  const stream = connection.open("/stream");
  await once(stream, "data");
  stream.close();
  await until(() => server.streamSignal()?.aborted === true);
  expect((await connection.ask("/hello")).headers[":status"]).toBe(200);
});

test("a client whose HTTP/2 connection breaks aborts what it ran, gRPC and REST", async () => {
  server.engine.script = hanging;
  const connection = clients.overHttp2();
  const rest = connection.open("/stream").on("error", () => undefined);
  await once(rest, "data");
  connection.call(predictStream).catch(() => undefined);
  await until(() => server.engine.signals.length === 1);
  connection.close();
  await until(() => server.streamSignal()?.aborted === true && server.engine.signals[0]?.aborted === true);
});

test.each([
  ["GET /hello HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n", /^HTTP\/1.1 200 OK\r\n(.|\r\n)*\r\n\r\nhello$/],
  ["PROPFIND /hello HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n", /^HTTP\/1.1 (400|404|405) /],
  ["PRI /hello HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n", /^HTTP\/1.1 400 /],
  ["\x00\xff garbage\r\n\r\n", /^HTTP\/1.1 400 Bad Request\r\n(.|\r\n)*{"detail":"this is no HTTP request"}$/],
])("%j is answered the same in one piece and byte by byte", async (text, expected) => {
  const whole = await clients.open();
  whole.write(text, "latin1");
  expect(await readAll(whole)).toMatch(expected);
  const pieces = await clients.open();
  pieces.setNoDelay(true);
  for (const byte of Buffer.from(text, "latin1")) {
    if (pieces.writable) await new Promise((resolve) => pieces.write(Buffer.of(byte), resolve));
  }
  expect(await readAll(pieces)).toMatch(expected);
});

test("a preface of HTTP/2 in pieces is one", async () => {
  const socket = await clients.open();
  const emptySettings = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]);
  const preface = Buffer.concat([Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), emptySettings]);
  for (const byte of preface) await new Promise((resolve) => socket.write(Buffer.of(byte), resolve));
  const [answer] = (await once(socket, "data")) as [Buffer];
  expect(answer[3]).toBe(4); // a SETTINGS frame: the server's half of the preface
});

test.each([
  ["half a preface", "PRI * HTTP/2"],
  ["nothing", ""],
])("a client that sends %s and stops is dropped, and so is one that leaves", async (_, text) => {
  server.forceStop();
  server = await startTestOnePort({ limits: { ...defaultLimits, receiveTimeoutSeconds: 0.02 } });
  const socket = await clients.open();
  socket.write(text);
  expect(await readAll(socket)).toBe("");
  const leaving = await clients.open();
  leaving.end(text);
  expect(await readAll(leaving)).toBe("");
});

test("health and metrics answer over HTTP/1.1 and HTTP/2, before the APIs", async () => {
  const connection = clients.overHttp2();
  const answers = [];
  for (const path of ["/health", "/metrics"]) {
    const { headers, body } = await connection.ask(path);
    answers.push([headers[":status"], String(body)]);
    const response = await fetch(clients.url + path);
    answers.push([response.status, await response.text()]);
  }
  expect(answers).toEqual([
    [200, ""],
    [200, ""],
    [200, "a 1\n"],
    [200, "a 1\n"],
  ]);
});

test("with API keys everything asks for one but health, over each protocol", async () => {
  server.forceStop();
  server = await startTestOnePort({ apiKeys: new ApiKeys(["key"]) });
  const connection = clients.overHttp2();
  const outcomes = [];
  for (const authorization of ["Bearer nokey", "Bearer key"]) {
    for (const path of ["/hello", "/metrics", "/health"]) {
      outcomes.push((await connection.ask(path, undefined, { authorization })).headers[":status"]);
      outcomes.push((await fetch(clients.url + path, { headers: { authorization } })).status);
    }
    const metadata = [["mm-model-id", "m"] as const, ["authorization", authorization] as const];
    outcomes.push((await clients.overGrpc().call(predict, undefined, metadata)).code);
  }
  const { UNAUTHENTICATED, OK } = status;
  expect(outcomes).toEqual([401, 401, 401, 401, 200, 200, UNAUTHENTICATED, 200, 200, 200, 200, 200, 200, OK]);
});

test("a drain lets running streams of each kind finish, refuses new ones, and closes the port", async () => {
  server.engine.script = async function* (_request, signal) {
    yield { type: "started", promptTokens: 1, seed: 0n, text: "" };
    await Promise.race([until(() => isReleased), once(signal, "abort")]);
    yield { type: "tokens", text: "x", tokens: [], completionTokens: 1, stop: { reason: "eos" } };
  };
  let isReleased = false;
  const grpcCall = clients.overGrpc().start(predictStream);
  await nextMessage(grpcCall);
  const connection = clients.overHttp2();
  const rest = connection.open("/stream");
  await once(rest, "response");
  const http1 = await fetch(`${clients.url}/stream`);
  const drained = server.drain(60_000);
  const late = [
    (await clients.overGrpc().call(predict)).code,
    (await connection.ask("/hello")).headers[":status"],
    (await fetch(`${clients.url}/hello`)).status,
  ];
  isReleased = true;
  server.proceed();
  const { code } = await finish(grpcCall);
  const texts = [Buffer.concat((await rest.toArray()) as Buffer[]).toString(), await http1.text()];
  await drained;
  expect(late).toEqual([status.UNAVAILABLE, 503, 503]);
  expect(code).toBe(status.OK);
  expect(texts).toEqual(Array(2).fill("data: one\n\ndata: two\n\n"));
  await expect(fetch(`${clients.url}/hello`)).rejects.toThrow("fetch failed");
});

test("idle connections of each kind do not hold a drain up", async () => {
  await clients.overGrpc().call(predict);
  await clients.overHttp2().ask("/hello");
  await fetch(`${clients.url}/hello`);
  await clients.open();
  const beganMs = performance.now();
  await server.drain(60_000);
  expect(performance.now() - beganMs).toBeLessThan(5000);
});
