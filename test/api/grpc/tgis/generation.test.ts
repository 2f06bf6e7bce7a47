/** The translation to the engine and back, on an engine that plays what it is told. */
import { fromBinary } from "@bufbuild/protobuf";
import { status } from "@grpc/grpc-js";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  BatchedGenerationRequestSchema as Batch,
  BatchedGenerationResponseSchema as BatchResponse,
  DecodingMethod,
  GenerationResponseSchema as Response,
  SingleGenerationRequestSchema as Single,
  StopReason,
} from "../../../../src/api/grpc/generated/fmaas/generation_pb.js";
import type { GenerationEvent, StopReason as EngineReason, TokenDetail } from "../../../../src/engine/request.js";
import { InvalidRequestError } from "../../../../src/engine/violations.js";
import {
  CancelledError,
  InternalError,
  OverCapacityError,
  UnavailableError,
  type OrtlerError,
} from "../../../../src/errors.js";
import { finish, encode, only, type RawAnswer } from "../../../support/grpc.js";
import { aborted, failing, hanging, hello, playing, ScriptedEngine } from "../../../support/scripted-engine.js";
import { until } from "../../../support/settled.js";
import { plainTokenizer } from "./plain-tokenizer.js";
import { startTgis, type TgisServer } from "./server.js";

const service = "/fmaas.GenerationService";
const limits = { maxSequenceLength: 96, maxNewTokens: 64, vocabularySize: 600, includeStopSequenceByDefault: true };
const model = { tokenizer: plainTokenizer() };

let engine: ScriptedEngine & { limits: typeof limits };
let server: TgisServer;

beforeEach(async () => {
  engine = Object.assign(new ScriptedEngine(), { limits });
  server = await startTgis({ current: () => ({ engine, model }) });
});
afterEach(() => server.stop());

const generate = async (texts: readonly string[], params = {}): Promise<RawAnswer> =>
  server.client.call(`${service}/Generate`, encode(Batch, { requests: texts.map((text) => ({ text })), params }));
const stream = async (params = {}): Promise<RawAnswer> =>
  server.client.call(`${service}/GenerateStream`, encode(Single, { request: { text: "p" }, params }));

const token = (piece: string, logprob: number, rank: number, top: TokenDetail["top"] = []): TokenDetail => ({
  id: 1,
  piece,
  logprob,
  rank,
  top,
});
const detailed: readonly GenerationEvent[] = [
  { type: "started", promptTokens: 2, seed: 99n, text: "ab" },
  { type: "prompt", tokens: [token("a", NaN, 0), token("b", -0.1, 3)] },
  {
    type: "tokens",
    text: "c",
    tokens: [token("Ġc", -1.5, 1, [{ id: 7, piece: "x", logprob: -1 }])],
    completionTokens: 1,
  },
  {
    type: "tokens",
    text: "d",
    tokens: [token("d", 0, 0)],
    completionTokens: 2,
    stop: { reason: "stop-sequence", sequence: "d" },
  },
];

test("hands every parameter to the engine in its own terms", async () => {
  await generate(["p"], {
    method: DecodingMethod.SAMPLE,
    sampling: { temperature: 0.5, topK: 3, topP: 0.25, typicalP: 0.75, seed: 2n ** 64n - 1n },
    stopping: {
      maxNewTokens: 9,
      minNewTokens: 2,
      timeLimitMillis: 1500,
      stopSequences: ["x", "y"],
      includeStopSequence: false,
    },
    response: {
      inputText: true,
      generatedTokens: true,
      inputTokens: true,
      tokenLogprobs: true,
      tokenRanks: true,
      topNTokens: 4,
    },
    decoding: { repetitionPenalty: 1.25, lengthPenalty: { startIndex: 6, decayFactor: 1.5 } },
    truncateInputTokens: 5,
  });
  expect(engine.requests).toEqual([
    {
      prompt: "p",
      method: "sample",
      temperature: 0.5,
      topK: 3,
      topP: 0.25,
      typicalP: 0.75,
      seed: 2n ** 64n - 1n,
      repetitionPenalty: 1.25,
      lengthPenalty: { startIndex: 6, decayFactor: 1.5 },
      maxNewTokens: 9,
      minNewTokens: 2,
      stopSequences: ["x", "y"],
      includeStopSequence: false,
      timeLimitMs: 1500,
      truncatePromptTokens: 5,
      includePromptText: true,
      details: { promptTokens: true, completionTokens: true, logprobs: true, ranks: true, topN: 4 },
    },
  ]);
});

test("leaves what is not given to the engine's defaults, the stop sequence's inclusion among them", async () => {
  await server.client.call(`${service}/GenerateStream`, encode(Single, { request: {} }));
  const [request] = engine.requests;
  expect(request).toMatchObject({ prompt: "", method: "greedy", truncatePromptTokens: 0 });
  expect(request?.includeStopSequence).toBeUndefined();
  expect(request?.seed).toBeUndefined();
});

describe("answers", () => {
  test("are one message with everything in a unary call, in exactly these bytes", async () => {
    engine.script = playing(detailed);
    const { messages } = await generate(["p"]);
    const hex = [
      "0a44" + "1002" + "220461626364" + "3002" + "3805", // count 2, text abcd, input 2, STOP_SEQUENCE
      "4216" + "1203c4a063" + "1d0000c0bf" + "2001" + "2a08" + "120178" + "1d000080bf", // Ġc, -1.5, rank 1, x -1
      "4203" + "120164",
      "4a08" + "120161" + "1d0000c07f", // a, NaN
      "4a0a" + "120162" + "1dcdccccbd" + "2003", // b, -0.1, rank 3
      "5063" + "5a0164", // seed 99, stop sequence d
    ];
    expect(messages.map((message) => message.toString("hex"))).toEqual([hex.join("")]);
  });

  test("are one message for each event in a stream, in exactly these bytes", async () => {
    engine.script = playing(detailed);
    const { messages } = await stream();
    expect(messages.map((message) => message.toString("hex"))).toEqual([
      "22026162" + "3002" + "5063",
      "3002" + "4a08" + "120161" + "1d0000c07f" + "4a0a" + "120162" + "1dcdccccbd" + "2003",
      "1001" + "220163" + "4216" + "1203c4a063" + "1d0000c0bf" + "2001" + "2a08" + "120178" + "1d000080bf",
      "1002" + "220164" + "3805" + "4203" + "120164" + "5063" + "5a0164",
    ]);
  });

  test.each<[EngineReason, StopReason]>([
    ["eos", StopReason.EOS_TOKEN],
    ["max-tokens", StopReason.MAX_TOKENS],
    ["token-limit", StopReason.TOKEN_LIMIT],
    ["stop-sequence", StopReason.STOP_SEQUENCE],
    ["time-limit", StopReason.TIME_LIMIT],
    ["cancelled", StopReason.CANCELLED],
    ["error", StopReason.ERROR],
  ])("tell stop reason %s as %d", async (reason, stopReason) => {
    engine.script = playing([{ type: "tokens", text: "", tokens: [], completionTokens: 1, stop: { reason } }]);
    expect(only(BatchResponse, await generate(["p"])).responses).toMatchObject([{ stopReason }]);
    expect(only(Response, await stream())).toMatchObject({ stopReason });
  });
});

describe("a batch", () => {
  test("is answered in the order of its inputs, whichever ends first", async () => {
    const ends = new Map<string, () => void>();
    engine.script = async function* ({ prompt }) {
      await new Promise<void>((resolve) => ends.set(prompt, resolve));
      yield { type: "tokens", text: prompt, tokens: [], completionTokens: 1, stop: { reason: "eos" } };
    };
    const answer = generate(["a", "b", "c"]);
    await until(() => ends.size === 3);
    for (const prompt of ["c", "a", "b"]) ends.get(prompt)?.();
    expect(only(BatchResponse, await answer).responses.map(({ text }) => text)).toEqual(["a", "b", "c"]);
  });

  test("fails with the first input that fails, which ends the others at once", async () => {
    engine.script = (request, signal) =>
      request.prompt === "bad" ? failing(new InternalError("no logits"))(request, signal) : hanging(request, signal);
    expect(await generate(["a", "bad", "c"])).toMatchObject({
      code: status.UNKNOWN,
      details: "Request failed during generation: no logits",
    });
    expect(engine.signals.map((signal) => signal.aborted)).toEqual([true, true, true]);
  });

  test("whose client cancels ends all its inputs at once", async () => {
    engine.script = hanging;
    const request = encode(Batch, { requests: [{ text: "a" }, { text: "b" }] });
    const call = server.client.start(`${service}/Generate`, request);
    const answer = finish(call);
    await until(() => engine.signals.length === 2);
    call.cancel();
    await Promise.all(engine.signals.map(aborted));
    expect((await answer).code).toBe(status.CANCELLED);
  });

  test("of 50 inputs runs all of them at once", async () => {
    const texts = Array.from({ length: 50 }, (_, i) => `input ${i}`);
    expect(only(BatchResponse, await generate(texts)).responses).toHaveLength(50);
    expect(engine.requests.map(({ prompt }) => prompt)).toEqual(texts);
  });

  test("without inputs asks the engine nothing", async () => {
    expect(await generate([], { stopping: { maxNewTokens: 1000 } })).toMatchObject({
      code: status.OK,
      messages: [Buffer.of()],
    });
    expect(engine.requests).toEqual([]);
  });
});

describe("errors of the engine", () => {
  const violation = new InvalidRequestError({ rule: "max-new-tokens", value: 65, limit: 64 }, "65 > 64");
  test.each<[OrtlerError, status, string]>([
    [violation, status.INVALID_ARGUMENT, "max_new_tokens must be <= 64"],
    [new OverCapacityError(2), status.RESOURCE_EXHAUSTED, "Model is overloaded"],
    [new UnavailableError("draining"), status.UNAVAILABLE, "draining"],
    [new CancelledError("dropped"), status.CANCELLED, "dropped"],
    [new InternalError("a step failed"), status.UNKNOWN, "Request failed during generation: a step failed"],
  ])("%o: code %d, `%s`", async (error, code, details) => {
    engine.script = failing(error);
    expect([await generate(["p"]), await stream()]).toMatchObject(Array(2).fill({ code, details, messages: [] }));
  });

  test("that are bugs are told without their text", async () => {
    engine.script = failing(new TypeError("secret"));
    const details = expect.stringMatching(/^internal error \(request id [0-9a-f-]{36}\)$/) as string;
    expect([await generate(["p"]), await stream()]).toMatchObject(Array(2).fill({ code: status.INTERNAL, details }));
  });

  test("in mid-stream come behind the messages that were sent before", async () => {
    engine.script = async function* () {
      yield* hello.slice(0, 2);
      await Promise.resolve();
      throw new InternalError("no logits");
    };
    const { code, details, messages } = await stream();
    expect({ code, details }).toEqual({
      code: status.UNKNOWN,
      details: "Request failed during generation: no logits",
    });
    expect(messages.map((message) => fromBinary(Response, message).text)).toEqual(["", "74 dég"]);
  });
});

test("a time limit of the server ends a generation, streamed or not", async () => {
  engine.script = hanging;
  const limited = await startTgis({ current: () => ({ engine, model }), requestTimeoutMs: 30 });
  const answers = [
    await limited.client.call(`${service}/Generate`, encode(Batch, { requests: [{ text: "a" }, { text: "b" }] })),
    await limited.client.call(`${service}/GenerateStream`, encode(Single, { request: { text: "a" } })),
  ];
  limited.stop();
  const ended = { code: status.DEADLINE_EXCEEDED, details: "the generation took longer than 30 ms" };
  expect(answers).toMatchObject([ended, ended]);
  expect(engine.signals.map((signal) => signal.aborted)).toEqual([true, true, true]);
});
