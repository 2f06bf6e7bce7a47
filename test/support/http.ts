import { Agent, request as startRequest, type IncomingMessage } from "node:http";
import { KnownModels } from "../../src/api/caikit/models.js";
import type { HttpApi } from "../../src/api/http/api.js";
import { caikitRest, type CaikitRestOptions } from "../../src/api/http/caikit/rest.js";
import { startHttpServer, type HttpServer } from "../../src/api/http/server.js";
import type { Logger } from "../../src/api/log.js";
import type { TextEngine } from "../../src/api/text-engine.js";
import { startTestEngine, type TestEngine } from "./engine.js";
import { fixtures } from "./reference.js";

/** A request as it goes over the wire; `Host`, `Connection` and `Content-Length` are added. */
export interface HttpCall {
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

/** What a client saw. */
export interface HttpAnswer {
  readonly status: number;
  /** Without those that describe the transfer: date, content-length, transfer-encoding. */
  readonly headers: Readonly<Record<string, string>>;
  /** Names as they were on the wire. */
  readonly headerNames: readonly string[];
  readonly body: string;
}

export interface LogRecord {
  readonly line: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

export interface TestHttpServer extends HttpServer {
  /** What was logged: `level message`, with the fields. */
  readonly logged: LogRecord[];
  call(call: HttpCall): Promise<HttpAnswer>;
  /** Sends the request and gives the answer as soon as its headers are here; the caller reads or destroys it. */
  open(call: HttpCall): Promise<IncomingMessage>;
}

/** A server of these APIs on a free port. */
export async function startApis(...apis: readonly ((log: Logger) => HttpApi)[]): Promise<TestHttpServer> {
  const logged: LogRecord[] = [];
  const logAs =
    (level: string): Logger["info"] =>
    (message, fields = {}) =>
      void logged.push({ line: `${level} ${message}`, fields });
  const log = { info: logAs("info"), warn: logAs("warn"), error: logAs("error") };
  const server = await startHttpServer({ host: "127.0.0.1", port: 0, apis: apis.map((api) => api(log)), log });
  const agent = new Agent({ keepAlive: true });
  const open = (call: HttpCall): Promise<IncomingMessage> => openCall(server.port, call, agent);
  return { ...server, logged, open, call: async (call) => readAnswer(await open(call)) };
}

/** A server of Caikit's REST API. The model is `micro-gpt2`. */
export async function startRest(engine: TextEngine, options: Partial<CaikitRestOptions> = {}): Promise<TestHttpServer> {
  const models = new KnownModels(() => ({
    id: "micro-gpt2",
    path: "/models/micro-gpt2",
    sizeBytes: 4711,
    producer: { name: "Text Generation", version: "0.1.0" },
  }));
  return startApis((log) => caikitRest({ current: () => ({ engine }), models, requestTimeoutMs: 0, log, ...options }));
}

/** A REST server with a real engine, which `stop` disposes too. */
export interface EngineRestServer extends TestHttpServer {
  readonly engine: TestEngine["engine"];
  stop(): Promise<void>;
}

/** A REST server over the checkpoint, with the limits, that the original was recorded with. */
export async function startEngineRest(): Promise<EngineRestServer> {
  const testEngine = await startTestEngine(`${fixtures}/micro-gpt2`, { maxSequenceLength: 96, maxNewTokens: 64 });
  const { engine } = testEngine;
  const server = await startRest(engine);
  const stop = async (): Promise<void> => {
    server.forceStop();
    await engine.drain(0);
    testEngine[Symbol.dispose]();
  };
  return { ...server, engine, stop };
}

/** Sends the request over a connection of the agent's. */
export async function openCall(port: number, call: HttpCall, agent: Agent): Promise<IncomingMessage> {
  const { method, path, headers, body } = call;
  return new Promise((resolve, reject) => {
    const request = startRequest({ host: "127.0.0.1", port, method, path, headers, agent }, resolve);
    request.on("error", reject);
    request.end(body);
  });
}

const transferHeaders = ["date", "content-length", "transfer-encoding"];

/** Reads an answer to its end. */
export async function readAnswer(response: IncomingMessage): Promise<HttpAnswer> {
  const chunks = (await response.toArray()) as Buffer[];
  const headers = Object.entries(response.headers).filter(([name]) => !transferHeaders.includes(name));
  return {
    status: response.statusCode ?? 0,
    headers: Object.fromEntries(headers.map(([name, value]) => [name, String(value)])),
    headerNames: response.rawHeaders.filter((_, index) => index % 2 === 0),
    body: Buffer.concat(chunks).toString(),
  };
}

/** A POST of JSON. */
export function post(path: string, body: unknown): HttpCall {
  const headers = { "content-type": "application/json" };
  return { method: "POST", path, headers, body: typeof body === "string" ? body : JSON.stringify(body) };
}
