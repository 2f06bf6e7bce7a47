import { Agent, request as startRequest } from "node:http";
import type { AddressInfo } from "node:net";
import { fastify, type FastifyInstance } from "fastify";
import { afterEach, beforeEach, expect, test } from "vitest";
import { KnownModels } from "../../../src/api/caikit/models.js";
import { setAbortSignal } from "../../../src/api/http/api.js";
import { caikitRest } from "../../../src/api/http/caikit/rest.js";
import { observeRequests, sayModelId } from "../../../src/api/http/observed.js";
import { apiCallOf, type ApiCall, type ApiCallEnd, type ApiObserver } from "../../../src/api/observer.js";
import { openCall, post, readAnswer, type HttpCall } from "../../support/http.js";
import { ScriptedEngine } from "../../support/scripted-engine.js";
import { until } from "../../support/settled.js";

let app: FastifyInstance;
let port: number;
let started: ApiCall[];
let ended: { readonly call: ApiCall; readonly end: ApiCallEnd }[];

const observer: ApiObserver = {
  callStarted: (call) => started.push(call),
  callEnded: (call, end) => ended.push({ call, end }),
};

beforeEach(async () => {
  [started, ended] = [[], []];
  app = fastify({ forceCloseConnections: true, exposeHeadRoutes: false });
  observeRequests(app, observer);
  app.addHook("onRequest", (request, reply, done) => {
    setAbortSignal(request, new AbortController().signal);
    if (request.headers.authorization === "wrong") reply.code(401).send();
    else done();
  });
  app.get("/things/*", (request) => {
    sayModelId(request, "flan");
    return { isKnown: apiCallOf(request.raw) === started.at(-1) };
  });
  app.get("/begins", (_request, reply) => {
    reply.hijack();
    reply.raw.writeHead(200).write("never ends");
  });
  const models = new KnownModels(() => ({ id: "m", path: "/m", sizeBytes: 1, producer: { name: "n", version: "1" } }));
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
  await app.register(async (scope) =>
    caikitRest({ current: () => ({ engine: new ScriptedEngine() }), models, requestTimeoutMs: 0, log })(scope),
  );
  await app.listen({ host: "127.0.0.1", port: 0 });
  port = (app.server.address() as AddressInfo).port;
});
afterEach(async () => app.close());

/** Sends a request, reads the answer, and waits for the observer to hear of it. */
async function run(call: HttpCall): Promise<string> {
  const { body } = await readAnswer(await openCall(port, call, new Agent()));
  await until(() => ended.length === started.length);
  return body;
}

const get = (path: string, headers = {}): HttpCall => ({ method: "GET", path, headers });

test("a request is told with the pattern of its route, its path without the query, and its trace context", async () => {
  await run(get("/things/a/b?secret=1", { traceparent: "00-a-b-01", tracestate: "v=1" }));
  expect(started).toMatchObject([
    {
      protocol: "http",
      service: "",
      traceparent: "00-a-b-01",
      tracestate: "v=1",
      http: { method: "GET", route: "/things/*", path: "/things/a/b", scheme: "http" },
    },
  ]);
});

test("its end is told once, with the same call, by status, its gRPC name and its time", async () => {
  await run(get("/things/a"));
  expect(ended.length).toBe(1);
  expect(ended[0]?.call).toBe(started[0]);
  expect(ended[0]?.end).toEqual({
    code: "OK",
    httpStatus: 200,
    receivedMessages: 1,
    sentMessages: 1,
    durationMs: expect.any(Number) as number,
  });
  expect(ended[0]?.end.durationMs).toBeGreaterThan(0);
});

test("a handler finds the call that its request is, and can say the model's name", async () => {
  expect(await run(get("/things/a"))).toBe('{"isKnown":true}');
  expect(ended[0]?.call.modelId).toBe("flan");
});

test.each([
  ["no route has its path", get("/nowhere/at/all"), { route: undefined, code: "NOT_FOUND", httpStatus: 404 }],
  [
    "another hook refuses it",
    get("/things/a", { authorization: "wrong" }),
    { route: "/things/*", code: "UNAUTHENTICATED", httpStatus: 401 },
  ],
  [
    "the route has another method",
    get("/api/v1/task/tokenization"),
    { route: "/api/v1/task/tokenization", code: "INVALID_ARGUMENT", httpStatus: 405 },
  ],
])("a request is told as well when %s", async (_why, call, told) => {
  await run(call);
  expect(ended.map(({ call: { http }, end }) => ({ ...end, route: http?.route }))).toMatchObject([told]);
});

test("a request whose client goes away ends as cancelled", async () => {
  const request = startRequest({ host: "127.0.0.1", port, path: "/begins" });
  request.on("error", () => undefined).end();
  request.on("response", (response) => response.once("data", () => request.destroy()));
  await until(() => ended.length === 1);
  expect(ended[0]?.end).toMatchObject({ code: "CANCELLED", httpStatus: 499, sentMessages: 1 });
});

test.each([
  ["text-generation", "UNARY", "TextGenerationTask"],
  ["server-streaming-text-generation", "SERVER_STREAMING", "ServerStreamingTextGenerationTask"],
  ["tokenization", "UNARY", "TokenizationTask"],
])("Caikit's task %s stands for the method of its NLP service", async (task, type, name) => {
  await run(post(`/api/v1/task/${task}`, { model_id: "m", inputs: "text" }));
  expect(started).toMatchObject([
    { service: "caikit.runtime.Nlp.NlpService", method: `${name}Predict`, type, requestName: `${name}Request` },
  ]);
  expect(ended[0]?.end.code).toBe("OK");
});
