import { fromBinary } from "@bufbuild/protobuf";
import { status } from "@grpc/grpc-js";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import {
  HealthCheckResponse_ServingStatus as ServingStatus,
  HealthCheckResponseSchema,
} from "../../../src/api/grpc/generated/grpc/health/v1/health_pb.js";
import type { GenerationEvent } from "../../../src/engine/request.js";
import { finish, nextMessage, only, RawClient, startCaikit, type TestServer } from "../../support/grpc.js";
import { aborted, hanging, hello, playing, ScriptedEngine, type Script } from "../../support/scripted-engine.js";
import { settled, until } from "../../support/settled.js";
import { startSlowly } from "../../support/slow-client.js";

const predict = "/caikit.runtime.Nlp.NlpService/TextGenerationTaskPredict";
const predictStream = "/caikit.runtime.Nlp.NlpService/ServerStreamingTextGenerationTaskPredict";
const check = "/grpc.health.v1.Health/Check";
const watch = "/grpc.health.v1.Health/Watch";

let engine: ScriptedEngine;
let server: TestServer;

beforeEach(async () => {
  engine = new ScriptedEngine();
  server = await startCaikit(engine);
});
afterEach(() => server.stop());

/** Starts a stream and waits for its first message, so that it is running for sure; `answer` has the rest. */
async function running(method = predictStream) {
  const call = server.client.start(method);
  await nextMessage(call);
  return { answer: finish(call) };
}

/** Says hello, but keeps the last event back until `release` is called. */
function held(): { script: Script; release: () => void } {
  const gate = new AbortController();
  const script: Script = async function* () {
    yield* hello.slice(0, -1);
    await aborted(gate.signal);
    yield* hello.slice(-1);
  };
  return { script, release: () => gate.abort() };
}

test("a drain lets running calls finish and answers new ones, on old and new connections, with UNAVAILABLE", async () => {
  const { script, release } = held();
  engine.script = script;
  const { answer } = await running();
  const drained = server.drain(10_000);
  const stranger = new RawClient(server.port);
  const late = [await server.client.call(predict), await stranger.call(predict)];
  const health = only(HealthCheckResponseSchema, await stranger.call(check));
  stranger.close();
  release();
  expect(late).toMatchObject(Array(2).fill({ code: status.UNAVAILABLE, details: "the server is shutting down" }));
  expect(health.status).toBe(ServingStatus.NOT_SERVING);
  expect(await answer).toMatchObject({ code: status.OK });
  await drained;
  expect(engine.requests).toHaveLength(1);
});

test("a drain closes the port at its end", async () => {
  await server.drain(10_000);
  const stranger = new RawClient(server.port);
  const answer = await stranger.call(predict);
  stranger.close();
  expect(answer.code).toBe(status.UNAVAILABLE);
  expect(answer.details).toMatch(/ECONNREFUSED/);
});

test("a drain cancels what still runs after the grace, and says why", async () => {
  engine.script = hanging;
  const { answer } = await running();
  await server.drain(20);
  expect(await answer).toMatchObject({ code: status.UNAVAILABLE, details: "the server is shutting down" });
  expect(engine.signals.map((signal) => signal.aborted)).toEqual([true]);
});

test("a drain tells those who watch the health, and does not wait for them", async () => {
  const { answer } = await running(watch);
  await server.drain(60_000);
  const { code, messages } = await answer;
  expect(messages.map((message) => fromBinary(HealthCheckResponseSchema, message).status)).toEqual([
    ServingStatus.NOT_SERVING,
  ]);
  expect(code).toBe(status.UNAVAILABLE);
});

test("a forced stop aborts what runs and drops the connections at once", async () => {
  engine.script = hanging;
  const { answer } = await running();
  server.forceStop();
  expect((await answer).code).not.toBe(status.OK);
  expect(engine.signals.map((signal) => signal.aborted)).toEqual([true]);
});

test("a forced stop cuts a drain short", async () => {
  engine.script = hanging;
  const { answer } = await running();
  const drained = server.drain(60_000);
  server.forceStop();
  await drained;
  expect((await answer).code).not.toBe(status.OK);
});

test("a drain waits until a client that reads slowly has everything, also when the engine is done", async () => {
  const long: GenerationEvent = { type: "tokens", text: "x".repeat(1000), tokens: [], completionTokens: 1 };
  const events: GenerationEvent[] = [...Array<GenerationEvent>(9).fill(long), { ...long, stop: { reason: "eos" } }];
  let isDone = false;
  engine.script = async function* (request, signal) {
    yield* playing(events)(request, signal);
    isDone = true;
  };
  const call = startSlowly(server.port, predictStream);
  await until(() => isDone);
  vi.useFakeTimers({ toFake: ["setTimeout"] });
  const drained = server.drain(60_000);
  await settled(() => vi.getTimerCount());
  vi.advanceTimersByTime(30_000);
  vi.useRealTimers();
  const { code, messages } = await call.read();
  expect({ code, messages: messages.length }).toEqual({ code: status.OK, messages: events.length });
  await drained;
});

test("a port in use fails the start, and the library prints nothing of its own", async () => {
  const printed = vi.spyOn(console, "error");
  await expect(startCaikit(engine, {}, server.port)).rejects.toThrow(/EADDRINUSE/);
  expect(printed).not.toHaveBeenCalled();
});
