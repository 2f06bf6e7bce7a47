/** Streams of the APIs of today's clients under bad conditions; Caikit's are in caikit/rest and caikit/cancellation. */
import { connect } from "node:net";
import type { IncomingMessage } from "node:http";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { openAiApi } from "../../../src/api/http/openai/index.js";
import { openInferenceApi } from "../../../src/api/http/open-inference/index.js";
import { tgiApi } from "../../../src/api/http/tgi/index.js";
import type { GenerationEvent } from "../../../src/engine/request.js";
import { EventReader, readEvents } from "../../conformance/http/events.js";
import { post, readAnswer, startApis, type TestHttpServer } from "../../support/http.js";
import { playing, ScriptedEngine } from "../../support/scripted-engine.js";
import { settled, until } from "../../support/settled.js";

const engine = new ScriptedEngine();
const limits = { maxSequenceLength: 64, maxNewTokens: 32, vocabularySize: 256, includeStopSequenceByDefault: true };
const model = { id: "m", tokenizer: { bytesOf: () => Buffer.from("é"), specialTokenIds: new Set<number>() } };

let server: TestHttpServer;
beforeAll(async () => {
  const serving = { engine: Object.assign(engine, { limits }), model };
  const options = { current: () => serving, version: "1" };
  server = await startApis(
    (log) => openAiApi({ ...options, log }),
    (log) => tgiApi({ ...options, log, maxConcurrentRequests: 2 }),
    (log) => openInferenceApi({ ...options, log, isReady: () => true }),
  );
});
afterAll(() => server.forceStop());
beforeEach(() => {
  engine.signals.splice(0);
  engine.requests.splice(0);
});

const prompt = "dégrees 数学 🚀";
const apis = [
  { api: "OpenAI", call: post("/v1/completions", { prompt, stream: true }) },
  { api: "TGI", call: post("/generate_stream", { inputs: prompt }) },
  { api: "Open Inference", call: post("/v2/models/m/generate_stream", { text_input: prompt }) },
];

function tokens(text: string, completionTokens: number, isLast: boolean): GenerationEvent {
  const token = { id: 65, piece: "A", logprob: -1, rank: 1, top: [] };
  const event = { type: "tokens", text, tokens: [token], completionTokens } as const;
  return isLast ? { ...event, stop: { reason: "eos" } } : event;
}

const started: GenerationEvent = { type: "started", promptTokens: 1, seed: 0n, text: "" };

/** Texts of 10,000 characters, as many as `total`; `pulled` counts those that were taken. */
function flood(total: number): { pulled: number; isFreed: boolean } {
  const state = { pulled: 0, isFreed: false };
  engine.script = async function* () {
    try {
      yield started;
      while (state.pulled < total) {
        await Promise.resolve();
        state.pulled += 1;
        yield tokens("x".repeat(10_000), state.pulled, state.pulled === total);
      }
    } finally {
      state.isFreed = true;
    }
  };
  return state;
}

/** Starts the stream, and reads its headers only. */
async function openUnread(call: (typeof apis)[number]["call"]): Promise<IncomingMessage> {
  return (await server.open(call)).pause();
}

describe.each(apis)("$api", ({ call }) => {
  test("a stream split at any byte is read the same", async () => {
    engine.script = playing([started, tokens("74 dég", 1, false), tokens("数学 🚀", 2, true)]);
    const { body } = await server.call(call);
    const bytes = Buffer.from(body);
    const readings = Array.from(bytes, (_, cut) => {
      const reader = new EventReader();
      return [...reader.push(bytes.subarray(0, cut)), ...reader.push(bytes.subarray(cut))];
    });
    expect(bytes.length).toBeGreaterThan(body.length); // characters of several bytes are among them
    expect(new Set(readings.map((events) => JSON.stringify(events)))).toEqual(
      new Set([JSON.stringify(readEvents(body))]),
    );
    expect(body).toContain("数学 🚀");
  });

  test("a request that arrives byte by byte, cut within characters, is answered the same", async () => {
    engine.script = playing([started, tokens("a", 1, true)]);
    const { method, path, headers = {}, body = "" } = call;
    const socket = connect(server.port, "127.0.0.1").setNoDelay();
    const all = { host: "h", connection: "close", ...headers, "content-length": String(Buffer.byteLength(body)) };
    const head = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
    const request = Buffer.from(`${method} ${path} HTTP/1.1\r\n${head.join("")}\r\n${String(body)}`);
    for (const byte of request) await new Promise((sent) => socket.write(Buffer.of(byte), sent));
    const answer = Buffer.concat((await socket.toArray()) as Buffer[]).toString();
    expect(answer).toMatch(/^HTTP\/1.1 200 OK\r\n/);
    expect(engine.requests).toMatchObject([{ prompt }]);
  });

  test("a client that does not read holds the engine back, and gets everything once it reads", async () => {
    const total = 3000;
    const state = flood(total);
    const response = await openUnread(call);
    expect(await settled(() => state.pulled)).toBeLessThan(total / 2); // what the sockets' buffers take
    const { body } = await readAnswer(response);
    expect(body.split("x".repeat(10_000)).length - 1).toBeGreaterThanOrEqual(total);
    expect(() => readEvents(body)).not.toThrow();
  });

  test("a client that does not read and then leaves frees the engine's iterator", async () => {
    const state = flood(Infinity);
    const response = await openUnread(call);
    await settled(() => state.pulled);
    response.destroy();
    await until(() => state.isFreed);
    expect(engine.signals.map((signal) => signal.aborted)).toEqual([true]);
  });
});
