/** A client that leaves or does not read: nobody works for the one, and nothing piles up for the other. */
import { connect, type Socket } from "node:net";
import type { IncomingMessage } from "node:http";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { startTestEngine } from "../../../support/engine.js";
import { post, readAnswer, startRest, type TestHttpServer } from "../../../support/http.js";
import { aborted, hanging, ScriptedEngine } from "../../../support/scripted-engine.js";
import { settled, until } from "../../../support/settled.js";

const body = { model_id: "m", inputs: "The whale" };
const unary = post("/api/v1/task/text-generation", body);
const stream = post("/api/v1/task/server-streaming-text-generation", body);

let engine: ScriptedEngine;
let server: TestHttpServer;
beforeAll(async () => {
  engine = new ScriptedEngine();
  server = await startRest(engine);
});
afterAll(() => server.forceStop());
beforeEach(() => {
  engine.signals.splice(0);
  engine.script = hanging;
});

/** Sends a request by hand, so that the connection can be cut before there is an answer. */
function send(port: number, { method, path, headers, body: text = "" }: typeof unary): Socket {
  const lines = Object.entries({ host: "h", ...headers, "content-length": String(Buffer.byteLength(text)) });
  const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join("");
  const socket = connect(port, "127.0.0.1").on("error", () => undefined);
  socket.write(`${method} ${path} HTTP/1.1\r\n${head}\r\n${String(text)}`);
  return socket;
}

test.each([
  ["unary", unary],
  ["a stream", stream],
])("a client that goes away aborts its generation: %s", async (_, call) => {
  const socket = send(server.port, call);
  await until(() => engine.signals.length === 1);
  socket.destroy();
  await Promise.all(engine.signals.map(aborted));
  expect(engine.signals.map((signal) => (signal.reason as Error).message)).toEqual(["the client went away"]);
});

test("a finished request aborts nothing", async () => {
  engine.script = new ScriptedEngine().script;
  await server.call(unary);
  await server.call(stream);
  expect(engine.signals.map((signal) => signal.aborted)).toEqual([false, false]);
});

test("on the real engine the slot of a client that left is free for the next step", async () => {
  using real = await startTestEngine("models/tiny", { maxSlots: 1 });
  let completionTokens = 0;
  engine.script = async function* (request, signal) {
    for await (const event of real.engine.generate(request, signal)) {
      if (event.type === "tokens") ({ completionTokens } = event);
      yield event;
    }
  };
  const parameters = { max_new_tokens: 500, min_new_tokens: 500 };
  const response = await server.open(post(stream.path, { ...body, parameters }));
  await until(() => completionTokens > 0);
  response.destroy();
  await until(() => real.engine.counts.freeSlots === 1);
  await real.engine.drain(0);
  expect(completionTokens).toBeLessThan(500);
});

/** Events of 10,000 characters, as many as `total`; `pulled` counts those that were taken. */
function flood(total: number): { pulled: number; isFreed: boolean } {
  const state = { pulled: 0, isFreed: false };
  engine.script = async function* () {
    try {
      while (state.pulled < total) {
        await Promise.resolve();
        state.pulled += 1;
        const stop = state.pulled === total ? ({ reason: "eos" } as const) : undefined;
        const event = { type: "tokens", text: "x".repeat(10_000), tokens: [], completionTokens: state.pulled } as const;
        yield stop === undefined ? event : { ...event, stop };
      }
    } finally {
      state.isFreed = true;
    }
  };
  return state;
}

/** Starts the stream, and reads its headers only. */
async function openUnread(): Promise<IncomingMessage> {
  return (await server.open(stream)).pause();
}

test("a client that does not read holds the engine back, and gets everything once it reads", async () => {
  const total = 3000;
  const state = flood(total);
  const response = await openUnread();
  expect(await settled(() => state.pulled)).toBeLessThan(total / 2); // what the sockets' buffers take
  const { body: text } = await readAnswer(response);
  expect(text.split("event: message\r\n").length - 1).toBe(total);
  expect(text).toContain(`"finish_reason": "EOS_TOKEN", "generated_tokens": ${total},`);
});

test("a client that does not read and then leaves frees the engine's iterator", async () => {
  const state = flood(Infinity);
  const response = await openUnread();
  await settled(() => state.pulled);
  response.destroy();
  await until(() => state.isFreed);
  expect(engine.signals.map((signal) => signal.aborted)).toEqual([true]);
});

test("a client that does not read does not outlive the server", async () => {
  const state = flood(Infinity);
  const stopping = await startRest(engine);
  const response = (await stopping.open(stream)).pause();
  await settled(() => state.pulled);
  stopping.forceStop();
  await until(() => state.isFreed);
  await expect(readAnswer(response)).rejects.toThrow("aborted");
});
