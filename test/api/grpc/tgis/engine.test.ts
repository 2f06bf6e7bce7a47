/** What only the real engine can show: seeds, capacity, slots, time, and the end of the server. */
import { fromBinary, type MessageInitShape } from "@bufbuild/protobuf";
import { status } from "@grpc/grpc-js";
import { afterEach, beforeEach, expect, test } from "vitest";
import {
  BatchedGenerationRequestSchema as Batch,
  BatchedGenerationResponseSchema as BatchResponse,
  DecodingMethod,
  GenerationResponseSchema as Response,
  SingleGenerationRequestSchema as Single,
  StopReason,
} from "../../../../src/api/grpc/generated/fmaas/generation_pb.js";
import {
  HealthCheckRequestSchema,
  HealthCheckResponse_ServingStatus as ServingStatus,
  HealthCheckResponseSchema,
} from "../../../../src/api/grpc/generated/grpc/health/v1/health_pb.js";
import { encode, finish, nextMessage, only, type RawAnswer } from "../../../support/grpc.js";
import { until } from "../../../support/settled.js";
import { startTgisEngine, type TgisEngineServer } from "./server.js";

const generate = "/fmaas.GenerationService/Generate";
const generateStream = "/fmaas.GenerationService/GenerateStream";

const slots = 2;
const idle = { waiting: 0, prefilling: 0, running: 0, freeSlots: slots };
const maxConcurrentRequests = 5;

let server: TgisEngineServer;
beforeEach(async () => {
  server = await startTgisEngine("models/tiny", { maxSlots: slots, maxConcurrentRequests });
});
afterEach(() => server.stop());

type Params = NonNullable<MessageInitShape<typeof Batch>["params"]>;

const batch = async (count: number, params: Params): Promise<RawAnswer> =>
  server.client.call(
    generate,
    encode(Batch, { requests: Array.from({ length: count }, () => ({ text: "Once upon a time" })), params }),
  );
/** Ends only when it is cancelled, as far as a test is concerned. */
const long = { stopping: { maxNewTokens: 500, minNewTokens: 500 } };
const longStream = encode(Single, { request: { text: "Once" }, params: long });

test("a batch of equal inputs without a seed gets a seed, and a text, for each", async () => {
  const params = { method: DecodingMethod.SAMPLE, sampling: { topK: 20 }, stopping: { maxNewTokens: 8 } };
  const { responses } = only(BatchResponse, await batch(5, params));
  expect(new Set(responses.map(({ text }) => text)).size).toBe(5);
  expect(new Set(responses.map(({ seed }) => seed)).size).toBe(5);
  expect(responses.filter(({ seed }) => seed >= 2n ** 32n)).toEqual([]);
});

test("a seed that was told makes the same text again, for every input of a batch", async () => {
  const params = { method: DecodingMethod.SAMPLE, sampling: { topK: 20 }, stopping: { maxNewTokens: 8 } };
  const [drawn] = only(BatchResponse, await batch(1, params)).responses;
  const again = { ...params, sampling: { topK: 20, seed: drawn?.seed ?? 0n } };
  expect(only(BatchResponse, await batch(2, again)).responses).toEqual([drawn, drawn]);
});

test("a batch that does not fit beside what runs is refused as a whole, and leaves nothing behind", async () => {
  const running = server.client.start(generateStream, longStream).on("error", () => undefined);
  await nextMessage(running);
  expect(await batch(maxConcurrentRequests, long)).toMatchObject({
    code: status.RESOURCE_EXHAUSTED,
    details: "Model is overloaded",
    messages: [],
  });
  await until(() => server.engine.counts.running === 1);
  expect(server.engine.counts).toMatchObject({ waiting: 0, prefilling: 0 });
  const answer = await batch(maxConcurrentRequests - 1, { stopping: { maxNewTokens: 1 } });
  expect(answer.code).toBe(status.OK);
  running.cancel();
});

test("a unary batch that is cancelled frees its slots at once", async () => {
  const request = encode(Batch, { requests: [{ text: "a" }, { text: "b" }, { text: "c" }], params: long });
  const call = server.client.start(generate, request);
  const answer = finish(call);
  await until(() => server.engine.counts.running === slots);
  call.cancel();
  await until(() => server.engine.counts.running === 0);
  expect(server.engine.counts).toEqual(idle);
  expect((await answer).code).toBe(status.CANCELLED);
});

test("a request whose time is over while it waits ends with the input's length and nothing else", async () => {
  const running = Array.from({ length: slots }, () =>
    server.client.start(generateStream, longStream).on("error", () => undefined),
  );
  await until(() => server.engine.counts.running === slots);
  const params = { stopping: { timeLimitMillis: 1 }, response: { inputText: true } };
  const unary = only(BatchResponse, await batch(1, params)).responses;
  const request = encode(Single, { request: { text: "Once upon a time" }, params });
  const { messages } = await server.client.call(generateStream, request);
  for (const call of running) call.cancel();
  const ended = { text: "", generatedTokenCount: 0, stopReason: StopReason.TIME_LIMIT };
  expect(unary).toMatchObject([ended]);
  expect(messages.map((message) => fromBinary(Response, message))).toMatchObject([
    { text: "Once upon a time", inputTokenCount: unary[0]?.inputTokenCount, stopReason: StopReason.NOT_FINISHED },
    ended,
  ]);
});

test("a server that drains refuses what comes and lets what runs finish", async () => {
  const running = batch(2, { stopping: { maxNewTokens: 100, minNewTokens: 100 } });
  await until(() => server.engine.counts.running > 0);
  const drained = server.drain(30_000);
  expect(await batch(1, {})).toMatchObject({ code: status.UNAVAILABLE, details: "the server is shutting down" });
  const { responses } = only(BatchResponse, await running);
  expect(responses.map(({ generatedTokenCount }) => generatedTokenCount)).toEqual([100, 100]);
  await drained;
});

test("health knows the service by its name, as its health client asks", async () => {
  const request = encode(HealthCheckRequestSchema, { service: "fmaas.GenerationService" });
  const { messages } = await server.client.call("/grpc.health.v1.Health/Check", request);
  expect(messages.map((message) => fromBinary(HealthCheckResponseSchema, message).status)).toEqual([
    ServingStatus.SERVING,
  ]);
});
