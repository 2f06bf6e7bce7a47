import { KnownModels } from "../../src/api/caikit/models.js";
import { caikitServices } from "../../src/api/grpc/caikit/services.js";
import { abortSignalOf, type HttpApi } from "../../src/api/http/api.js";
import { EventStream } from "../../src/api/http/sse.js";
import { startOnePort, type OnePort, type OnePortOptions } from "../../src/api/one-port/server.js";
import { aborted, ScriptedEngine } from "./scripted-engine.js";

export interface TestOnePort extends OnePort {
  readonly engine: ScriptedEngine;
  /** What was logged: `level message`. */
  readonly logged: readonly string[];
  /** The signal of the last `/stream`. */
  readonly streamSignal: () => AbortSignal | undefined;
  /** Lets every `/stream` send its second and last event. */
  readonly proceed: () => void;
}

/**
 * Caikit's gRPC services over a scripted engine, and an HTTP API: `GET /hello`, `POST /echo`, and `GET /stream`, which
 * sends `one`, waits for `proceed` or its abort, and sends `two`.
 */
export async function startTestOnePort(options: Partial<OnePortOptions> = {}): Promise<TestOnePort> {
  const engine = new ScriptedEngine();
  const logged: string[] = [];
  const note = (level: string) => (message: string) => void logged.push(`${level} ${message}`);
  const gate = new AbortController();
  let streamSignal: AbortSignal | undefined;
  const api: HttpApi = (app) => {
    app.get("/hello", () => "hello");
    app.post("/echo", (request) => request.body);
    app.get("/stream", async (request, reply) => {
      streamSignal = abortSignalOf(request);
      const stream = new EventStream(reply);
      await stream.send("data: one\n\n");
      await Promise.race([aborted(gate.signal), aborted(streamSignal)]);
      stream.end("data: two\n\n");
    });
  };
  const producer = { name: "Text Generation", version: "0.1.0" };
  const models = new KnownModels(() => ({ id: "m", path: "/m", sizeBytes: 1, producer }));
  const server = await startOnePort({
    host: "127.0.0.1",
    port: 0,
    services: caikitServices({ current: () => ({ engine }), models, requestTimeoutMs: 0 }),
    apis: [api],
    health: { isHealthy: () => Promise.resolve(true), exposition: () => Promise.resolve("a 1\n") },
    log: { info: note("info"), warn: note("warn"), error: note("error") },
    ...options,
  });
  return { ...server, engine, logged, streamSignal: () => streamSignal, proceed: () => gate.abort() };
}
