import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test, vi } from "vitest";
import { startGrpcCollector, startHttpCollector, type Collector } from "./collector.js";
import { callTree, grpcCall, sequence, startTraced, traceCall, treeOf } from "./harness.js";

const collectors: Collector[] = [];
const began = async (collector: Promise<Collector>): Promise<Collector> => {
  collectors.push(await collector);
  return collector;
};
afterEach(() => {
  vi.unstubAllEnvs();
  for (const collector of collectors.splice(0)) collector.close();
});

test("the standard variables say where to export over HTTP, with which headers, and as which service", async () => {
  const { url, spans, exports } = await began(startHttpCollector());
  vi.stubEnv("OTEL_EXPORTER_OTLP_ENDPOINT", url);
  vi.stubEnv("OTEL_EXPORTER_OTLP_HEADERS", "x-key=abc");
  vi.stubEnv("OTEL_RESOURCE_ATTRIBUTES", "service.name=named,deployment.environment.name=test");
  const tracing = await startTraced();
  traceCall(tracing);
  await tracing.close(10_000);
  expect(exports.map(({ what, headers }) => [what, headers["x-key"]])).toEqual([["POST /v1/traces", "abc"]]);
  expect(spans[0]?.resource).toMatchObject({
    "service.name": "named",
    "service.version": "1.2.3",
    "deployment.environment.name": "test",
  });
  expect(tracing.warnings).toEqual([]);
});

test("TGIS's settings export over gRPC, under their service name", async () => {
  const { url, spans, exports } = await began(startGrpcCollector());
  vi.stubEnv("OTEL_EXPORTER_OTLP_HEADERS", "x-key=abc");
  const tracing = await startTraced({ otlpEndpoint: url, otlpServiceName: "llm" });
  traceCall(tracing);
  await tracing.close(10_000);
  expect(exports.map(({ headers }) => headers["x-key"])).toEqual(["abc"]);
  expect(treeOf(spans)).toEqual(callTree);
  expect(spans[0]?.resource["service.name"]).toBe("llm");
});

test("a service without a name is ortler", async () => {
  const { url, spans } = await began(startGrpcCollector());
  const tracing = await startTraced({ otlpEndpoint: url });
  traceCall(tracing);
  await tracing.close(10_000);
  expect(spans[0]?.resource["service.name"]).toBe("ortler");
});

test("the standard sampler decides for clients that do not", async () => {
  const { url, spans } = await began(startHttpCollector());
  vi.stubEnv("OTEL_EXPORTER_OTLP_ENDPOINT", url);
  vi.stubEnv("OTEL_TRACES_SAMPLER", "parentbased_traceidratio");
  vi.stubEnv("OTEL_TRACES_SAMPLER_ARG", "0");
  const tracing = await startTraced();
  traceCall(tracing);
  tracing.apiObserver.callStarted({ ...grpcCall, traceparent: undefined });
  tracing.engineObserver.finished(sequence);
  await tracing.close(10_000);
  expect(treeOf(spans)).toEqual(callTree);
});

test("spans are exported in batches, without waiting for the end", async () => {
  const { url, spans, exports } = await began(startHttpCollector());
  vi.stubEnv("OTEL_EXPORTER_OTLP_ENDPOINT", url);
  vi.stubEnv("OTEL_BSP_SCHEDULE_DELAY", "1");
  const tracing = await startTraced();
  for (let call = 0; call < 3; call++) traceCall(tracing);
  await vi.waitFor(() => expect(spans.length).toBe(15));
  expect(exports.length).toBe(1);
  await tracing.close(10_000);
});

test("a collector that refuses is told of once, and hurts nobody", async () => {
  const { url } = await began(startHttpCollector(400));
  vi.stubEnv("OTEL_EXPORTER_OTLP_ENDPOINT", url);
  const tracing = await startTraced();
  traceCall(tracing);
  await tracing.close(10_000);
  expect(tracing.warnings).toEqual(['traces could not be exported {"lostSpans":5,"reason":"Bad Request"}']);
});

test("a collector that is away is told of, and the end does not wait for it", async () => {
  const collector = await startGrpcCollector();
  collector.close();
  const tracing = await startTraced({ otlpEndpoint: collector.url });
  traceCall(tracing);
  await tracing.close(0);
  expect(tracing.warnings).toMatchObject([expect.stringContaining("traces could not be exported")]);
});

test("a collector that never answers does not hold up the end for long", async () => {
  const silent = createServer().listen(0, "127.0.0.1");
  await once(silent, "listening");
  const { port } = silent.address() as AddressInfo;
  vi.stubEnv("OTEL_EXPORTER_OTLP_ENDPOINT", `http://127.0.0.1:${port}`);
  const tracing = await startTraced();
  traceCall(tracing);
  const closed = tracing.close(0).then(() => "closed");
  const request = once(silent, "request").then(() => "asked");
  expect([await Promise.race([closed, request]), await closed]).toEqual(["asked", "closed"]);
  silent.closeAllConnections();
  silent.close();
});
