import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { CallEndEvent, CallEvent } from "../../../src/telemetry/call-events.js";
import type { EndEvent } from "../../../src/telemetry/engine-events.js";
import { InternalError } from "../../../src/errors.js";
import { startHttpCollector, type Collector } from "./collector.js";
import { clientSpanId, grpcCall, httpCall, ok, sequence, startTraced, traceId, treeOf, unsampled } from "./harness.js";
import type { Traced } from "./harness.js";
import type { ReceivedSpan } from "./otlp.js";

let collector: Collector;
let tracing: Traced;

beforeEach(async () => {
  collector = await startHttpCollector();
  vi.stubEnv("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf");
  tracing = await startTraced({ otlpEndpoint: collector.url });
});
afterEach(() => {
  vi.unstubAllEnvs();
  collector.close();
});

/** A call that took 1 ms more than the sequences in it, which follow each other. */
async function trace(call: CallEvent, end: CallEndEvent, ...sequences: readonly EndEvent[]): Promise<ReceivedSpan[]> {
  tracing.apiObserver.callStarted(call);
  for (const each of sequences) {
    tracing.clock.ms += each.totalMs;
    tracing.engineObserver.finished({ ...each, caller: { ...each.caller, call } });
  }
  tracing.clock.ms += 1;
  tracing.apiObserver.callEnded(call, end);
  await tracing.close(10_000);
  return collector.spans;
}

const named = (spans: readonly ReceivedSpan[], name: string): ReceivedSpan | undefined =>
  spans.find((span) => span.name === name);

describe("a call", () => {
  test("is a span below its client's, its sequence one below it, and below that queue, prefill and decode", async () => {
    const spans = await trace(grpcCall, ok, sequence);
    expect(treeOf(spans)).toEqual([
      "fmaas.GenerationService/Generate below the client",
      "text_completion micro-gpt2 below fmaas.GenerationService/Generate",
      "queue below text_completion micro-gpt2",
      "prefill below text_completion micro-gpt2",
      "decode below text_completion micro-gpt2",
    ]);
    expect(new Set(spans.map((span) => span.traceId))).toEqual(new Set([traceId]));
    expect(new Set(spans.map(({ spanId }) => spanId)).size).toBe(5);
    expect(spans.map(({ kind }) => kind)).toEqual(["internal", "internal", "internal", "internal", "server"]);
  });

  test("has its phases one behind the other", async () => {
    const began = tracing.clock.ms;
    const spans = await trace(grpcCall, ok, sequence);
    const times = Object.fromEntries(spans.map(({ name, startMs, endMs }) => [name, [startMs - began, endMs - began]]));
    expect(times).toEqual({
      "fmaas.GenerationService/Generate": [0, 68],
      "text_completion micro-gpt2": [0, 67],
      queue: [2, 12],
      prefill: [12, 47],
      decode: [47, 67],
    });
  });

  test("has a span for each prompt of its batch", async () => {
    const of = (index: number): EndEvent => ({ ...sequence, caller: { kind: "batch", batch: { index, size: 2 } } });
    const spans = (await trace(grpcCall, ok, of(0), of(1))).filter(({ name }) => name.startsWith("text_completion"));
    expect(spans.map(({ attributes }) => attributes["ortler.batch.index"])).toEqual([0, 1]);
    expect(new Set(spans.map(({ parentSpanId }) => parentSpanId)).size).toBe(1);
  });

  test("of a client that is not sampled leaves no trace", async () => {
    expect(await trace({ ...grpcCall, traceparent: unsampled }, ok, sequence)).toEqual([]);
    expect(collector.exports).toEqual([]);
  });

  test("keeps its client's trace state", async () => {
    const spans = await trace({ ...grpcCall, tracestate: "vendor=1,other=x" }, ok);
    expect(spans.map(({ traceState }) => traceState)).toEqual(["vendor=1,other=x"]);
  });

  test.each([
    undefined,
    "",
    "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
    "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
    "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
    "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
    "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
  ])("with trace context %j begins a trace of its own", async (traceparent) => {
    const spans = await trace({ ...grpcCall, traceparent, tracestate: "vendor=1" }, ok, sequence);
    expect(treeOf(spans).filter((line) => line.endsWith("below nothing"))).toEqual([
      "fmaas.GenerationService/Generate below nothing",
    ]);
    expect(spans.filter((span) => span.traceId === traceId || span.traceState !== "")).toEqual([]);
  });

  test("with trace context of a later version is below its client's span all the same", async () => {
    const spans = await trace({ ...grpcCall, traceparent: `01-${traceId}-${clientSpanId}-01-more` }, ok);
    expect(spans.map(({ parentSpanId }) => parentSpanId)).toEqual([clientSpanId]);
  });

  test.each<[string, CallEvent, CallEndEvent, object]>([
    [
      "gRPC",
      grpcCall,
      { ...ok, code: "INVALID_ARGUMENT" },
      {
        attributes: {
          "rpc.system.name": "grpc",
          "rpc.method": "fmaas.GenerationService/Generate",
          "rpc.status_code": "INVALID_ARGUMENT",
        },
        isError: false,
      },
    ],
    [
      "gRPC that the server failed",
      grpcCall,
      { ...ok, code: "INTERNAL" },
      { attributes: { "rpc.status_code": "INTERNAL", "error.type": "INTERNAL" }, isError: true },
    ],
    [
      "HTTP",
      httpCall,
      { ...ok, httpStatus: 422 },
      {
        name: "POST /v1/completions",
        attributes: {
          "http.request.method": "POST",
          "http.route": "/v1/completions",
          "url.path": "/v1/completions",
          "url.scheme": "http",
          "http.response.status_code": 422,
        },
        isError: false,
      },
    ],
    [
      "HTTP that the server failed",
      httpCall,
      { ...ok, httpStatus: 500 },
      { attributes: { "http.response.status_code": 500, "error.type": "500" }, isError: true },
    ],
    [
      "HTTP that no route has",
      { ...httpCall, http: { method: "GET", route: undefined, path: `/${"x".repeat(9999)}`, scheme: "https" } },
      { ...ok, httpStatus: 404 },
      { name: "GET", attributes: { "url.path": `/${"x".repeat(255)}`, "url.scheme": "https" } },
    ],
  ])("over %s is described by OpenTelemetry's conventions", async (_what, call, end, described) => {
    expect(await trace(call, end)).toMatchObject([described]);
  });

  test.each<[string, CallEvent]>([
    ["gRPC", { ...grpcCall, service: "grpc.health.v1.Health", method: "Check" }],
    ["HTTP", { ...httpCall, http: { method: "GET", route: "/health", path: "/health", scheme: "http" } }],
  ])("for health over %s leaves no trace", async (_protocol, call) => {
    expect(await trace(call, ok)).toEqual([]);
  });
});

describe("a sequence", () => {
  const described = async (end: EndEvent, call = grpcCall): Promise<ReceivedSpan | undefined> =>
    named(await trace(call, ok, end), "text_completion micro-gpt2");

  test("is described by the conventions for generative AI, without any text", async () => {
    const span = await described(sequence);
    expect(span?.attributes).toEqual({
      "gen_ai.operation.name": "text_completion",
      "gen_ai.provider.name": "ortler",
      "gen_ai.request.model": "micro-gpt2",
      "gen_ai.response.model": "micro-gpt2",
      "gen_ai.request.stream": false,
      "gen_ai.request.max_tokens": 20,
      "gen_ai.usage.input_tokens": 5,
      "gen_ai.usage.cache_read.input_tokens": 1,
      "gen_ai.usage.output_tokens": 3,
      "gen_ai.response.finish_reasons": ["stop"],
      "ortler.stop_reason": "stop-sequence",
    });
  });

  test("tells the parameters that do something, and the model as its client calls it", async () => {
    const sampling = { temperature: 0.5, topK: 40, topP: 0.9, typicalP: 1, seed: 42n };
    const request = { ...sequence.request, sampling, frequencyPenalty: 0.25, presencePenalty: -1 };
    const caller = { kind: "stream", correlationId: "c-1" } as const;
    const span = await described({ ...sequence, request, caller }, { ...grpcCall, modelId: "flan" });
    expect(span?.attributes).toMatchObject({
      "gen_ai.request.model": "flan",
      "gen_ai.response.model": "micro-gpt2",
      "gen_ai.request.stream": true,
      "gen_ai.request.temperature": 0.5,
      "gen_ai.request.top_k": 40,
      "gen_ai.request.top_p": 0.9,
      "gen_ai.request.seed": 42,
      "gen_ai.request.frequency_penalty": 0.25,
      "gen_ai.request.presence_penalty": -1,
      "ortler.correlation_id": "c-1",
    });
  });

  test("leaves out a seed that would be rounded, and parameters that are off", async () => {
    const sampling = { temperature: 1, topK: 0, topP: 1, typicalP: 1, seed: 2n ** 64n - 1n };
    const span = await described({ ...sequence, request: { ...sequence.request, sampling } });
    const names = Object.keys(span?.attributes ?? {}).filter((name) => name.startsWith("gen_ai.request."));
    expect(names.sort()).toEqual([
      "gen_ai.request.max_tokens",
      "gen_ai.request.model",
      "gen_ai.request.stream",
      "gen_ai.request.temperature",
    ]);
  });

  test("that failed says what kind of error it was, and not its text", async () => {
    const error = new InternalError("a step failed");
    const span = await described({ ...sequence, reason: "error", error });
    expect([span?.isError, span?.attributes["error.type"]]).toEqual([true, "internal"]);
    expect(JSON.stringify(span)).not.toContain("a step failed");
  });

  test("has only the phases that it went through", async () => {
    const phases = async (end: EndEvent) =>
      treeOf(await trace(grpcCall, ok, end)).filter((line) => /^[a-z]+ b/.test(line));
    const waiting = { ...sequence, completionTokens: 0, inferenceMs: undefined, prefillMs: undefined };
    expect(await phases(waiting)).toEqual(["queue below text_completion micro-gpt2"]);
  });

  test("of one token is not decoded", async () => {
    const spans = await trace(grpcCall, ok, { ...sequence, completionTokens: 1 });
    expect([named(spans, "prefill") === undefined, named(spans, "decode")]).toEqual([false, undefined]);
  });

  test("that was cancelled while its prompt ran has no end of prefill but its own", async () => {
    const began = tracing.clock.ms;
    const end = { ...sequence, completionTokens: 0, reason: "cancelled", prefillMs: undefined } as const;
    const prefill = named(await trace(grpcCall, ok, end), "prefill");
    expect([(prefill?.startMs ?? 0) - began, (prefill?.endMs ?? 0) - began]).toEqual([12, 67]);
  });

  test("of a call that nobody observed is below its client's span", async () => {
    const caller = { traceparent: `00-${traceId}-${clientSpanId}-01` };
    tracing.engineObserver.finished({ ...sequence, caller });
    await tracing.close(10_000);
    expect(named(collector.spans, "text_completion micro-gpt2")?.parentSpanId).toBe(clientSpanId);
  });
});
