/** What one client may cost: each limit is kept over each protocol, and named to the client. */
import { once } from "node:events";
import { constants, type IncomingHttpHeaders } from "node:http2";
import { connect } from "node:net";
import { status } from "@grpc/grpc-js";
import { afterEach, describe, expect, test } from "vitest";
import { TextGenerationTaskRequestSchema } from "../../src/api/grpc/generated/caikit/runtime/nlp_pb.js";
import { defaultLimits, type Limits } from "../../src/api/limits.js";
import type { HttpApi } from "../../src/api/http/api.js";
import { EventStream } from "../../src/api/http/sse.js";
import { encode } from "../support/grpc.js";
import { readStream } from "../support/http2.js";
import { startTestOnePort, type TestOnePort } from "../support/one-port.js";
import { PortClients, readAll } from "../support/port-clients.js";
import { aborted, hello, hanging } from "../support/scripted-engine.js";
import { until } from "../support/settled.js";

const predict = "/caikit.runtime.Nlp.NlpService/TextGenerationTaskPredict";
const predictStream = "/caikit.runtime.Nlp.NlpService/ServerStreamingTextGenerationTaskPredict";
const reflect = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
const json = { "content-type": "application/json" };
const grpc = { "content-type": "application/grpc", "mm-model-id": "m" };

let server: TestOnePort;
let clients: PortClients;
afterEach(() => {
  clients.close();
  server.forceStop();
});

async function start(limits: Partial<Limits>, ...apis: readonly HttpApi[]): Promise<void> {
  server = await startTestOnePort({ limits: { ...defaultLimits, ...limits }, ...(apis.length > 0 && { apis }) });
  clients = new PortClients(() => server.port);
}

describe("sizes", () => {
  test("a gRPC message above the limit is RESOURCE_EXHAUSTED and names it, one at the limit is taken", async () => {
    await start({ maxGrpcMessageBytes: 1000 });
    const request = (bytes: number) => encode(TextGenerationTaskRequestSchema, { text: "x".repeat(bytes) });
    expect(await clients.overGrpc().call(predict, request(997))).toMatchObject({ code: status.OK }); // and 3 for tag and length
    expect(await clients.overGrpc().call(predict, request(998))).toMatchObject({
      code: status.RESOURCE_EXHAUSTED,
      details: "Received message larger than max (1001 vs 1000)",
    });
  });

  test("a body above the limit is 413 and names it, one at the limit is taken", async () => {
    await start({ maxBodyBytes: 1000 });
    const body = (bytes: number): string => JSON.stringify("x".repeat(bytes - 2));
    const connection = clients.overHttp2();
    const answers = [];
    for (const bytes of [1000, 1001]) {
      const response = await fetch(`${clients.url}/echo`, { method: "POST", body: body(bytes), headers: json });
      const http2 = await connection.ask("/echo", body(bytes), { ...json, "content-length": String(bytes) });
      answers.push(response.status, http2.headers[":status"], (await response.text()).slice(0, 60));
    }
    const named = `{"detail":"the body must have at most 1000 bytes (--max-body`;
    expect(answers).toEqual([200, 200, "x".repeat(60), 413, 413, named]);
  });

  test("headers above the limit are 431 and name it over HTTP/1.1, and reset the stream over HTTP/2", async () => {
    await start({ maxHeaderBytes: 2000 });
    const socket = await clients.open();
    socket.write(`GET /hello HTTP/1.1\r\nhost: x\r\nbig: ${"x".repeat(3000)}\r\n\r\n`);
    expect(await readAll(socket)).toMatch(
      /^HTTP\/1.1 431 Request Header Fields Too Large\r\n(.|\r\n)*{"detail":"the headers must have at most 2000 bytes \(--max-header-bytes\)"}$/,
    );
    const connection = clients.overHttp2();
    await connection.ask("/hello"); // its client has heard of the limit by then
    const stream = connection.open("/hello", undefined, { big: "x".repeat(3000) });
    const [error] = (await once(stream, "error")) as unknown as [NodeJS.ErrnoException];
    expect(error.message).toMatch(/ENHANCE_YOUR_CALM/);
    expect((await connection.ask("/hello")).headers[":status"]).toBe(200);
  });
});

describe("numbers", () => {
  test("a connection has only so many streams, of which its client is told, and the next one waits", async () => {
    await start({ maxStreamsPerConnection: 2 });
    const connection = clients.overHttp2();
    const streams = [connection.open("/stream"), connection.open("/stream")];
    for (const stream of streams) await once(stream, "response");
    expect(connection.session.remoteSettings.maxConcurrentStreams).toBe(2);
    server.proceed();
    expect((await connection.ask("/hello")).headers[":status"]).toBe(200);
  });

  test("connections above the limit are dropped, and the log says so once, until there is room", async () => {
    await start({ maxConnections: 2 });
    const kept = [await clients.open(), await clients.open()];
    for (let i = 0; i < 3; i++) expect(await readAll(await clients.open())).toBe("");
    expect(server.logged).toEqual(["warn connections are refused: --max-connections are open"]);
    kept[0]?.destroy();
    let answer = "";
    void (async () => {
      while (answer === "")
        answer = await fetch(`${clients.url}/hello`).then(
          async (r) => r.text(),
          () => "",
        );
    })();
    await until(() => answer === "hello");
  });
});

describe("slow senders", () => {
  const limits = { receiveTimeoutSeconds: 0.05 };
  const late = "the request must come within 0.05 s (--receive-timeout-seconds)";

  test("a gRPC call without its message ends with DEADLINE_EXCEEDED, and no service hears of it", async () => {
    await start(limits);
    const connection = clients.overHttp2();
    const stream = connection.session.request({ ":method": "POST", ":path": predict, ...grpc });
    const { headers } = await readStream(stream);
    expect(headers).toMatchObject({ "grpc-status": String(status.DEADLINE_EXCEEDED) });
    expect(decodeURI(String(headers["grpc-message"]))).toBe(late);
    expect(server.engine.requests).toEqual([]);
  });

  test("a method that takes many requests may wait for them", async () => {
    await start(limits);
    const connection = clients.overHttp2();
    const endless = connection.session.request({ ":method": "POST", ":path": reflect, ...grpc });
    const cut = connection.session.request({ ":method": "POST", ":path": predict, ...grpc });
    await readStream(cut); // its time is over, so that of the other one is, too
    endless.end();
    const { headers } = await readStream(endless);
    expect(headers["grpc-status"]).toBe("0");
  });

  test.each(["headers", "body"])("HTTP/1.1 without the rest of its %s is 408", async (part) => {
    await start(limits);
    const socket = await clients.open();
    const head = `POST /echo HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 10\r\n`;
    socket.write(part === "headers" ? head : `${head}\r\n"12`);
    expect(await readAll(socket)).toMatch(/^HTTP\/1.1 408 Request Timeout\r\n(.|\r\n)*within 0.05 s/);
  });

  test("REST over HTTP/2 without the rest of its body is 408", async () => {
    await start(limits);
    const stream = clients.overHttp2().session.request({ ":method": "POST", ":path": "/echo", ...json });
    stream.write(`"12`);
    const { headers, body } = await readStream(stream);
    expect([headers[":status"], String(body)]).toEqual([408, JSON.stringify({ detail: late })]);
  });

  test("a request that came in time may be answered later", async () => {
    await start(limits);
    const connection = clients.overHttp2();
    const stream = connection.open("/stream");
    await once(stream, "response");
    const slow = connection.session.request({ ":method": "POST", ":path": "/echo", ...json });
    await readStream(slow);
    server.proceed();
    expect(Buffer.concat((await stream.toArray()) as Buffer[]).toString()).toMatch(/two/);
  });
});

describe("slow readers", () => {
  const limits = { sendTimeoutSeconds: 0.05 };
  /** Sends until it is aborted, and says so. */
  function endless(): { readonly api: HttpApi; readonly state: { isAborted: boolean } } {
    const state = { isAborted: false };
    const api: HttpApi = (app) => {
      app.get("/endless", async (_request, reply) => {
        const stream = new EventStream(reply);
        try {
          for (;;) await stream.send(`data: ${"x".repeat(10_000)}\n\n`);
        } catch {
          state.isAborted = true;
        }
      });
    };
    return { api, state };
  }

  test("a gRPC stream that is not read is dropped, and its generation aborted", async () => {
    await start(limits);
    server.engine.script = async function* (_request, signal) {
      yield* hello.slice(0, 1);
      await Promise.resolve();
      for (let n = 1; !signal.aborted; n++)
        yield { type: "tokens", text: "x".repeat(1000), tokens: [], completionTokens: n };
      throw signal.reason;
    };
    clients
      .overHttp2({ settings: { initialWindowSize: 100 } })
      .call(predictStream)
      .catch(() => undefined);
    await until(() => server.engine.signals.length === 1);
    await aborted(server.engine.signals[0] ?? AbortSignal.abort());
  });

  test("an HTTP/1.1 stream that is not read is dropped", async () => {
    const { api, state } = endless();
    await start(limits, api);
    const socket = await clients.open();
    socket.pause();
    socket.write("GET /endless HTTP/1.1\r\nhost: x\r\n\r\n");
    await until(() => state.isAborted);
  });

  test("a REST stream over HTTP/2 that is not read is reset, and its connection goes on", async () => {
    const { api, state } = endless();
    await start(limits, api);
    const connection = clients.overHttp2({ settings: { initialWindowSize: 1000 } });
    const stream = connection.open("/endless");
    const closed = once(stream, "close");
    await until(() => state.isAborted);
    expect((await connection.ask("/nope")).headers[":status"]).toBe(404);
    stream.resume();
    await closed;
    expect(stream.rstCode).toBe(constants.NGHTTP2_CANCEL);
  });

  test("a client that waits, because there is nothing to read, is not dropped", async () => {
    await start(limits);
    server.engine.script = hanging;
    const connection = clients.overHttp2();
    const waiting = connection.open("/stream");
    await once(waiting, "response");
    const { api, state } = endless();
    const other = await startTestOnePort({ limits: { ...defaultLimits, ...limits }, apis: [api] });
    clients.atEnd(() => other.forceStop());
    const socket = connect(other.port, "127.0.0.1").pause();
    clients.atEnd(() => socket.destroy());
    socket.write("GET /endless HTTP/1.1\r\nhost: x\r\n\r\n");
    await until(() => state.isAborted); // so much later
    server.proceed();
    expect(Buffer.concat((await waiting.toArray()) as Buffer[]).toString()).toMatch(/two/);
  });
});

describe("age", () => {
  test("a connection that is too old takes no more calls, and those that run end in their time", async () => {
    await start({ maxConnectionAgeSeconds: 0.05 });
    const connection = clients.overHttp2();
    const stream = connection.open("/stream");
    await once(stream, "response");
    await once(connection.session, "goaway");
    server.proceed();
    expect(Buffer.concat((await stream.toArray()) as Buffer[]).toString()).toMatch(/two/);
  });

  test("with a grace, what still runs then is cut off", async () => {
    await start({ maxConnectionAgeSeconds: 0.02, maxConnectionAgeGraceSeconds: 0.02 });
    const stream = clients
      .overHttp2()
      .open("/stream")
      .on("error", () => undefined);
    const [headers] = (await once(stream, "response")) as [IncomingHttpHeaders];
    expect(headers[":status"]).toBe(200);
    await until(() => server.streamSignal()?.aborted === true);
  });

  test("a client that answers no ping is dropped", async () => {
    await start({ grpcKeepaliveSeconds: 0.02, grpcKeepaliveTimeoutSeconds: 0.02 });
    const socket = await clients.open();
    const settings = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]);
    socket.write(Buffer.concat([Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), settings]));
    expect((await readAll(socket)).length).toBeGreaterThan(0); // up to the end: the settings and the ping
  });
});
