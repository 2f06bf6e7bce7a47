/** The HTTP server under any API: connections, scopes, and the shutdown. */
import { Agent } from "node:http";
import { connect } from "node:net";
import { afterEach, expect, test } from "vitest";
import { abortSignalOf, type HttpApi } from "../../../src/api/http/api.js";
import { startHttpServer } from "../../../src/api/http/server.js";
import { EventStream } from "../../../src/api/http/sse.js";
import { openCall, readAnswer, startApis, type HttpCall, type TestHttpServer } from "../../support/http.js";
import { aborted } from "../../support/scripted-engine.js";

const get = (path: string): HttpCall => ({ method: "GET", path });

let server: TestHttpServer;
afterEach(() => server.forceStop());

/** An API whose requests hang until `finish`, or until they are aborted, which is their answer then. */
function hangingApi(): { readonly api: () => HttpApi; readonly entered: Promise<void>; readonly finish: () => void } {
  let enter: () => void = () => undefined;
  let finish: () => void = () => undefined;
  const entered = new Promise<void>((resolve) => (enter = resolve));
  const finished = new Promise<string>((resolve) => (finish = () => resolve("done")));
  const wait = async (signal: AbortSignal): Promise<string> => {
    enter();
    const stopped = aborted(signal).then(() => (signal.reason as Error).message);
    return Promise.race([finished, stopped]);
  };
  const api: HttpApi = (app) => {
    app.get("/hang", async (request) => wait(abortSignalOf(request)));
    app.get("/stream", async (request, reply) => {
      const stream = new EventStream(reply);
      await stream.send("data: first\n\n");
      stream.end(`data: ${await wait(abortSignalOf(request))}\n\n`);
    });
  };
  return { api: () => api, entered, finish: () => finish() };
}

/** Sends text over a socket of its own and reads until the server closes it. */
async function talk(port: number, text: string): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  socket.write(text);
  return Buffer.concat((await socket.toArray()) as Buffer[]).toString();
}

test("a connection is kept for the next request", async () => {
  server = await startApis(hangingApi().api);
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const answers = [];
  for (const path of ["/a", "/b"]) {
    const response = await openCall(server.port, get(path), agent);
    answers.push({ port: response.socket.localPort, headers: (await readAnswer(response)).headerNames });
  }
  agent.destroy();
  expect(answers[1]).toEqual(answers[0]);
  expect(answers[0]?.headers).toEqual(["date", "content-type", "content-length"]);
});

test("a path that is no URL is not found, like any other unknown one", async () => {
  server = await startApis(hangingApi().api);
  const answers = [await server.call(get("/%zz")), await server.call(get("/nope"))];
  expect(answers[0]).toEqual(answers[1]);
  expect(answers[0]).toMatchObject({ status: 404, headerNames: ["date", "content-type", "content-length"] });
});

test("a client of HTTP/1.0 gets a stream without chunks, ended by the end of the connection", async () => {
  const { api, finish } = hangingApi();
  server = await startApis(api);
  finish();
  const [head, body] = (await talk(server.port, "GET /stream HTTP/1.0\r\n\r\n")).split("\r\n\r\n");
  expect(head?.split("\r\n").filter((line) => !line.startsWith("date"))).toEqual([
    "HTTP/1.1 200 OK",
    "connection: close",
    "content-type: text/event-stream; charset=utf-8",
  ]);
  expect(body).toBe("data: first\n\ndata: done\n\n");
});

test("each API has a scope of its own, and what none of them words is worded by the server", async () => {
  const failing = (path: string, word?: string) => (): HttpApi => (app) => {
    if (word !== undefined) app.setErrorHandler((_error, _request, reply) => reply.code(418).send(word));
    app.get(path, () => {
      throw new Error("secret");
    });
  };
  server = await startApis(failing("/a", "a"), failing("/b", "b"), failing("/c"));
  const answers = await Promise.all(["/a", "/b", "/c", "/d"].map(async (path) => server.call(get(path))));
  expect(answers.map(({ status, body }) => [status, body])).toEqual([
    [418, "a"],
    [418, "b"],
    [500, `{"detail":"Internal Server Error"}`],
    [404, `{"detail":"Not Found"}`],
  ]);
  expect(server.logged.map(({ line, fields }) => [line, fields["path"]])).toEqual([["error request failed", "/c"]]);
});

test("a port that is taken, and a route that two APIs claim, stop the start", async () => {
  const { api } = hangingApi();
  server = await startApis(api);
  const { port } = server;
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
  await expect(startHttpServer({ host: "127.0.0.1", port, apis: [], log })).rejects.toThrow("EADDRINUSE");
  await expect(startApis(api, api)).rejects.toThrow("already declared");
});

test.each(["/hang", "/stream"])("while the server drains, new requests are refused and %s finishes", async (path) => {
  const { api, entered, finish } = hangingApi();
  server = await startApis(api);
  const running = server.call(get(path));
  await entered;
  const drained = server.drain(60_000);
  expect(await server.call(get("/hang"))).toMatchObject({
    status: 503,
    headers: { connection: "close", "content-type": "application/json" },
    body: `{"detail":"the server is shutting down"}`,
  });
  finish();
  expect(await running).toMatchObject({ status: 200, body: expect.stringMatching(/done\n*$/) as string });
  await drained;
  await expect(openCall(server.port, get("/hang"), new Agent())).rejects.toThrow("ECONNREFUSED");
});

test("what is still running after the grace is aborted, and told so", async () => {
  const { api, entered } = hangingApi();
  server = await startApis(api);
  const running = server.call(get("/stream"));
  await entered;
  await server.drain(0);
  expect((await running).body).toBe("data: first\n\ndata: the server is shutting down\n\n");
});

test("an idle connection does not hold a drain up", async () => {
  server = await startApis(hangingApi().api);
  const agent = new Agent({ keepAlive: true });
  await readAnswer(await openCall(server.port, get("/a"), agent));
  const before = performance.now();
  await server.drain(60_000);
  agent.destroy();
  expect(performance.now() - before).toBeLessThan(5000);
});

test("a forced stop drops running requests at once", async () => {
  const { api, entered } = hangingApi();
  server = await startApis(api);
  const running = server.call(get("/hang"));
  await entered;
  server.forceStop();
  await expect(running).rejects.toThrow("socket hang up");
});
