/** What becomes of a generation, and of its slot in the real engine, when its call ends otherwise than it should. */
import { fromBinary } from "@bufbuild/protobuf";
import { status } from "@grpc/grpc-js";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { TextGenerationTaskRequestSchema as Request } from "../../../src/api/grpc/generated/caikit/runtime/nlp_pb.js";
import {
  FinishReason,
  GeneratedTextResultSchema as Result,
  GeneratedTextStreamResultSchema as StreamResult,
} from "../../../src/api/grpc/generated/caikit_data_model/nlp_pb.js";
import type { GenerationEvent, UncheckedRequest } from "../../../src/engine/request.js";
import { startTestEngine, type TestEngine } from "../../support/engine.js";
import {
  encode,
  finish,
  modelId,
  nextMessage,
  only,
  RawClient,
  startCaikit,
  type TestServer,
} from "../../support/grpc.js";
import { startRelay } from "../../support/relay.js";
import { aborted, ScriptedEngine } from "../../support/scripted-engine.js";
import { settled, until } from "../../support/settled.js";
import { startSlowly } from "../../support/slow-client.js";

const predict = "/caikit.runtime.Nlp.NlpService/TextGenerationTaskPredict";
const predictStream = "/caikit.runtime.Nlp.NlpService/ServerStreamingTextGenerationTaskPredict";
const methods = [predict, predictStream];

const tokens = 500;
const longRequest = encode(Request, {
  text: "Once upon a time",
  maxNewTokens: BigInt(tokens),
  minNewTokens: BigInt(tokens),
});

const slots = 2;
const idle = { waiting: 0, prefilling: 0, running: 0, freeSlots: slots };

let real: TestEngine;
beforeAll(async () => {
  real = await startTestEngine("models/tiny", { maxSlots: slots });
});
afterAll(async () => {
  await real.engine.drain(0);
  real[Symbol.dispose]();
});

/** The real engine, with an ear on its door. */
let engine: ScriptedEngine;
let server: TestServer;
beforeEach(async () => {
  engine = new ScriptedEngine();
  engine.script = listened;
  heard = [];
  server = await startCaikit(engine);
});
afterEach(() => server.stop());

let heard: GenerationEvent[];
let onToken: (() => void) | undefined;

async function* listened(request: UncheckedRequest, signal: AbortSignal): AsyncGenerator<GenerationEvent> {
  for await (const event of real.engine.generate(request, signal)) {
    heard.push(event);
    if (event.type === "tokens") onToken?.();
    yield event;
  }
}

/** Generates again and again, and tells of no stop: whatever ends it, that is not the last token. */
async function* endless(request: UncheckedRequest, signal: AbortSignal): AsyncGenerator<GenerationEvent> {
  for (;;) {
    for await (const event of listened(request, signal)) {
      if (event.type !== "tokens" || event.stop === undefined) yield event;
    }
  }
}

/** Resolves with the next token of any generation: one is running now. */
async function firstToken(): Promise<void> {
  return new Promise((resolve) => (onToken = resolve));
}

/** The signal of the only call, which has just begun to run. */
async function running(): Promise<AbortSignal> {
  await firstToken();
  expect(real.engine.counts).toEqual({ ...idle, running: 1, freeSlots: slots - 1 });
  return lastSignal();
}

/** The signal of the request that was asked last. */
function lastSignal(): AbortSignal {
  const signal = engine.signals.at(-1);
  if (signal === undefined) throw new Error("nothing was asked");
  return signal;
}

describe.each(methods)("%s frees its slot at once", (method) => {
  test("when its client cancels", async () => {
    const call = server.client.start(method, longRequest);
    const answer = finish(call);
    const signal = await running();
    call.cancel();
    await aborted(signal);
    expect(real.engine.counts).toEqual(idle);
    expect(heard.length).toBeLessThan(tokens);
    expect((await answer).code).toBe(status.CANCELLED);
  });

  test("when its client's deadline passes", async () => {
    engine.script = endless;
    const answer = server.client.call(method, longRequest, modelId, { deadline: Date.now() + 300 });
    const signal = await running();
    await aborted(signal);
    expect(real.engine.counts).toEqual(idle);
    expect((await answer).code).toBe(status.DEADLINE_EXCEEDED);
  });

  test("when its connection is lost", async () => {
    const relay = await startRelay(server.port);
    const client = new RawClient(relay.port);
    const answer = client.call(method, longRequest);
    const signal = await running();
    relay.cut();
    await aborted(signal);
    expect(real.engine.counts).toEqual(idle);
    expect(heard.length).toBeLessThan(tokens);
    expect((await answer).code).toBe(status.UNAVAILABLE);
    client.close();
  });

  test("when the server is stopped", async () => {
    const answer = server.client.call(method, longRequest);
    await running();
    server.forceStop();
    expect(real.engine.counts).toEqual(idle);
    expect((await answer).code).not.toBe(status.OK);
  });
});

test("a call that is cancelled while it waits for a slot leaves the queue at once", async () => {
  const calls = Array.from({ length: slots }, () => server.client.start(predictStream, longRequest));
  await until(() => real.engine.counts.running === slots);
  const waiting = server.client.start(predictStream, longRequest);
  await nextMessage(waiting);
  expect(real.engine.counts).toMatchObject({ waiting: 1, running: slots });
  const signal = lastSignal();
  waiting.on("error", () => undefined).cancel();
  await aborted(signal);
  expect(real.engine.counts).toMatchObject({ waiting: 0, running: slots });
  for (const call of calls) call.on("error", () => undefined).cancel();
  await until(() => real.engine.counts.running === 0);
});

test("a request whose time is over while it waits ends with the input's length and nothing else", async () => {
  const calls = Array.from({ length: slots }, () => server.client.start(predictStream, longRequest));
  await until(() => real.engine.counts.running === slots);
  const request = encode(Request, { text: "Once", preserveInputText: true, maxTime: 0.001 });
  const unary = only(Result, await server.client.call(predict, request));
  const stream = (await server.client.call(predictStream, request)).messages.map((each) =>
    fromBinary(StreamResult, each),
  );
  for (const call of calls) call.on("error", () => undefined).cancel();
  await until(() => real.engine.counts.running === 0);
  const finishReason = FinishReason.TIME_LIMIT;
  expect(unary).toMatchObject({ generatedText: "", generatedTokens: 0n, inputTokenCount: 3n, finishReason });
  expect(stream).toMatchObject([
    { generatedText: "Once", details: { inputTokenCount: 3n } },
    { generatedText: "", details: { generatedTokens: 0, finishReason } },
  ]);
});

test("a client that does not read holds no slot, holds nobody up, and still gets everything", async () => {
  const call = startSlowly(server.port, predictStream, longRequest);
  await firstToken();
  const unary = only(Result, await server.client.call(predict, longRequest));
  await until(() => real.engine.counts.running === 0);
  const taken = await settled(() => heard.length - tokens); // without those of the unary call
  expect(taken).toBeLessThan(64); // the other tokens wait in the engine
  const { code, messages } = await call.read();
  const texts = messages.map((message) => fromBinary(StreamResult, message).generatedText);
  expect({ code, text: texts.join("") }).toEqual({ code: status.OK, text: unary.generatedText });
});

test("a drain lets what runs and what waits finish, and refuses what comes", async () => {
  const request = encode(Request, { text: "Once upon a time", maxNewTokens: 100n, minNewTokens: 100n });
  const calls = Array.from({ length: slots + 1 }, async () => server.client.call(predictStream, request));
  await firstToken();
  const drained = server.drain(30_000);
  const late = await Promise.all(methods.map(async (method) => server.client.call(method, request)));
  expect(late).toMatchObject(
    methods.map(() => ({ code: status.UNAVAILABLE, details: "the server is shutting down", messages: [] })),
  );
  const texts = (await Promise.all(calls)).map(({ messages }) =>
    messages.map((message) => fromBinary(StreamResult, message).generatedText).join(""),
  );
  expect(texts[0]?.length).toBeGreaterThan(100);
  expect(texts).toEqual(Array(slots + 1).fill(texts[0]));
  await drained;
  expect(real.engine.counts).toEqual(idle);
});
