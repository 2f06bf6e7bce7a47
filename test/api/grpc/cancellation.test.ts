import { status } from "@grpc/grpc-js";
import { afterEach, beforeEach, expect, test } from "vitest";
import { CancelledError } from "../../../src/errors.js";
import { finish, modelId, nextMessage, RawClient, startCaikit, type TestServer } from "../../support/grpc.js";
import { startRelay } from "../../support/relay.js";
import { aborted, hanging, ScriptedEngine } from "../../support/scripted-engine.js";
import { settled } from "../../support/settled.js";

const predict = "/caikit.runtime.Nlp.NlpService/TextGenerationTaskPredict";
const predictStream = "/caikit.runtime.Nlp.NlpService/ServerStreamingTextGenerationTaskPredict";

let engine: ScriptedEngine;
let server: TestServer;

beforeEach(async () => {
  engine = new ScriptedEngine();
  engine.script = hanging;
  server = await startCaikit(engine);
});
afterEach(() => server.stop());

/** The signal of the engine's next request. */
async function nextSignal(): Promise<AbortSignal> {
  const { script } = engine;
  return new Promise((resolve) => {
    engine.script = (request, signal) => {
      resolve(signal);
      return script(request, signal);
    };
  });
}

test.each([predict, predictStream])("a client that cancels %s aborts the engine's signal", async (method) => {
  const signal = nextSignal();
  const call = server.client.start(method);
  const answer = finish(call);
  await signal;
  call.cancel();
  await aborted(await signal);
  expect((await signal).reason).toBeInstanceOf(CancelledError);
  expect((await answer).code).toBe(status.CANCELLED);
});

test.each([predict, predictStream])("a connection lost in the middle of %s aborts it too", async (method) => {
  const relay = await startRelay(server.port);
  const client = new RawClient(relay.port);
  const signal = nextSignal();
  const answer = client.call(method);
  await signal;
  relay.cut();
  await aborted(await signal);
  expect((await answer).code).toBe(status.UNAVAILABLE);
  client.close();
  expect((await signal).reason).toBeInstanceOf(CancelledError);
});

test.each([predict, predictStream])("a deadline that passes in %s aborts it too", async (method) => {
  const signal = nextSignal();
  const answer = server.client.call(method, undefined, modelId, { deadline: Date.now() + 100 });
  await aborted(await signal);
  expect((await answer).code).toBe(status.DEADLINE_EXCEEDED);
});

test("the time limit of a request ends it in the original's words", async () => {
  const limited = await startCaikit(engine, { requestTimeoutMs: 50 });
  const answers = [await limited.client.call(predict), await limited.client.call(predictStream)];
  limited.stop();
  expect(answers).toMatchObject([
    { code: status.UNAVAILABLE, details: "The underlying TCP connection is closed", messages: [] },
    { code: status.UNAVAILABLE, details: "Deadline Exceeded", messages: [Buffer.from("1a022001", "hex")] },
  ]);
  expect(engine.signals.map((signal) => signal.aborted)).toEqual([true, true]);
});

test("an engine that ends quietly when it is aborted is not taken for one that finished", async () => {
  engine.script = async function* (_request, signal) {
    await aborted(signal);
    yield { type: "tokens", text: "", tokens: [], completionTokens: 0, stop: { reason: "cancelled" } };
  };
  const limited = await startCaikit(engine, { requestTimeoutMs: 20 });
  const answer = await limited.client.call(predict);
  limited.stop();
  expect(answer).toMatchObject({ code: status.UNAVAILABLE, messages: [] });
});

test("a finished call aborts nothing", async () => {
  engine.script = new ScriptedEngine().script;
  await server.client.call(predict);
  await server.client.call(predictStream);
  expect(engine.signals.map((signal) => signal.aborted)).toEqual([false, false]);
});

test("a client that does not read holds the engine back, and gets everything once it reads", async () => {
  const total = 2000;
  let pulled = 0;
  engine.script = async function* () {
    await Promise.resolve();
    for (pulled = 1; pulled <= total; pulled++) {
      const isLast = pulled === total;
      const text = "x".repeat(10_000);
      yield { type: "tokens", text, tokens: [], completionTokens: pulled, ...(isLast && { stop: { reason: "eos" } }) };
    }
  };
  const call = server.client.start(predictStream);
  await nextMessage(call);
  expect(await settled(() => pulled)).toBeLessThan(64); // what HTTP/2's windows and the call's buffer take
  const { code, messages } = await finish(call);
  expect({ code, messages: messages.length }).toEqual({ code: status.OK, messages: total - 1 });
});

test("a client that does not read and then cancels frees the engine's iterator", async () => {
  let isFreed = false;
  engine.script = async function* () {
    try {
      for (let i = 1; ; i++) {
        await Promise.resolve();
        yield { type: "tokens", text: "x".repeat(10_000), tokens: [], completionTokens: i };
      }
    } finally {
      isFreed = true;
    }
  };
  const signal = nextSignal();
  const call = server.client.start(predictStream);
  await nextMessage(call);
  call.on("error", () => undefined).cancel();
  await aborted(await signal);
  expect(await settled(() => isFreed)).toBe(true);
});
