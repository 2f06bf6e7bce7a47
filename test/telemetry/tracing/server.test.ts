/** Real servers over a real engine, traced: what a collector gets of a call. */
import { fastify, type FastifyInstance } from "fastify";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { foldEvents } from "../../../src/api/fold.js";
import { callerOf } from "../../../src/api/grpc/caller.js";
import { NlpService, TextGenerationTaskRequestSchema } from "../../../src/api/grpc/generated/caikit/runtime/nlp_pb.js";
import { startGrpcServer, type GrpcServer } from "../../../src/api/grpc/server.js";
import { implement } from "../../../src/api/grpc/service.js";
import { observeRequests } from "../../../src/api/http/observed.js";
import { apiCallOf } from "../../../src/api/observer.js";
import type { Caller } from "../../../src/engine/observer.js";
import { startTestEngine, type TestEngine } from "../../support/engine.js";
import { encode, modelId, RawClient } from "../../support/grpc.js";
import { startGrpcCollector, type Collector } from "./collector.js";
import { sampled, startTraced, traceId, treeOf, unsampled, type Traced } from "./harness.js";

const path = "/caikit.runtime.Nlp.NlpService/TextGenerationTaskPredict";
const request = encode(TextGenerationTaskRequestSchema, { text: "the cat sat on the mat" });

let running: TestEngine;
let collector: Collector;
let tracing: Traced;
let server: GrpcServer;
let client: RawClient;
let app: FastifyInstance;

beforeAll(async () => {
  running = await startTestEngine("test/fixtures/micro-gpt2");
});
afterAll(() => running[Symbol.dispose]());

beforeEach(async () => {
  collector = await startGrpcCollector();
  tracing = await startTraced({ otlpEndpoint: collector.url }, { isRealTime: true });
  running.engine.observe(tracing.engineObserver);
  await startServers();
});
afterEach(async () => {
  client.close();
  server.forceStop();
  await app.close();
  collector.close();
});

async function generate(prompt: string, caller: Caller): Promise<string> {
  const asked = { prompt, method: "greedy", maxNewTokens: 3, minNewTokens: 3 } as const;
  return (await foldEvents(running.engine.generate(asked, new AbortController().signal, caller))).text;
}

async function startServers(): Promise<void> {
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
  const service = implement(NlpService, {
    textGenerationTaskPredict: async ({ text }, { metadata }) => ({
      generatedText: await generate(text, { ...callerOf(metadata), call: apiCallOf(metadata) }),
    }),
    serverStreamingTextGenerationTaskPredict: async function* () {
      yield* await Promise.resolve([]);
    },
    tokenizationTaskPredict: () => ({}),
  });
  const address = { host: "127.0.0.1", port: 0 };
  server = await startGrpcServer({ ...address, services: [service], log, observer: tracing.apiObserver });
  client = new RawClient(server.port);
  app = fastify();
  observeRequests(app, tracing.apiObserver);
  app.get("/generate/:id", async ({ raw }) => generate("the cat", { call: apiCallOf(raw) }));
}

test("a gRPC call's trace has the call, its sequence and its phases, from client to token", async () => {
  await client.call(path, request, [...modelId, ["traceparent", sampled]]);
  await tracing.close(10_000);
  const { spans } = collector;
  expect(treeOf(spans)).toEqual([
    "caikit.runtime.Nlp.NlpService/TextGenerationTaskPredict below the client",
    "text_completion micro-gpt2 below caikit.runtime.Nlp.NlpService/TextGenerationTaskPredict",
    "queue below text_completion micro-gpt2",
    "prefill below text_completion micro-gpt2",
    "decode below text_completion micro-gpt2",
  ]);
  expect(new Set(spans.map((span) => span.traceId))).toEqual(new Set([traceId]));
  expect(spans.find(({ name }) => name.startsWith("text_completion"))?.attributes).toMatchObject({
    "gen_ai.usage.output_tokens": 3,
    "gen_ai.response.finish_reasons": ["length"],
  });
  expect(spans.find(({ kind }) => kind === "server")?.attributes["rpc.status_code"]).toBe("OK");
  expect(JSON.stringify(spans)).not.toContain("the cat");
});

test("a span is never longer than the one that it is in, nor before or behind it", async () => {
  await client.call(path, request, [...modelId, ["traceparent", sampled]]);
  await tracing.close(10_000);
  const { spans } = collector;
  const outside = spans.filter(({ parentSpanId, startMs, endMs }) => {
    const parent = spans.find(({ spanId }) => spanId === parentSpanId) ?? { startMs: 0, endMs: Infinity };
    const toleranceMs = 0.01; // of a conversion from floating point to nanoseconds
    return startMs < parent.startMs - toleranceMs || endMs > parent.endMs + toleranceMs || endMs < startMs;
  });
  expect([spans.length, outside]).toEqual([5, []]);
});

test("an HTTP request's trace has the route and not the path", async () => {
  await app.inject({ url: "/generate/17", headers: { traceparent: sampled } });
  await tracing.close(10_000);
  expect(treeOf(collector.spans).slice(0, 2)).toEqual([
    "GET /generate/:id below the client",
    "text_completion micro-gpt2 below GET /generate/:id",
  ]);
});

test("a call whose client is not sampled is answered and leaves no trace", async () => {
  const { code } = await client.call(path, request, [...modelId, ["traceparent", unsampled]]);
  await tracing.close(10_000);
  expect([code, collector.spans]).toEqual([0, []]);
});

test("calls are answered while the collector is away", async () => {
  collector.close();
  const answers = await Promise.all([0, 1, 2].map(async () => client.call(path, request)));
  await tracing.close(10_000);
  expect(answers.map(({ code, messages }) => [code, messages.length])).toEqual([0, 1, 2].map(() => [0, 1]));
  expect(tracing.warnings.length).toBe(1);
});
