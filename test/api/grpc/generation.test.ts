import { fromBinary } from "@bufbuild/protobuf";
import { status } from "@grpc/grpc-js";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { InvalidRequestError } from "../../../src/engine/violations.js";
import type { GenerationEvent, StopReason, TokenDetail } from "../../../src/engine/request.js";
import { CancelledError, OverCapacityError, UnavailableError, type OrtlerError } from "../../../src/errors.js";
import {
  ServerStreamingTextGenerationTaskRequestSchema as StreamRequest,
  TextGenerationTaskRequestSchema as Request,
  TokenizationTaskRequestSchema,
} from "../../../src/api/grpc/generated/caikit/runtime/nlp_pb.js";
import {
  FinishReason,
  GeneratedTextResultSchema as Result,
  GeneratedTextStreamResultSchema as StreamResult,
  TokenizationResultsSchema,
} from "../../../src/api/grpc/generated/caikit_data_model/nlp_pb.js";
import { encode, only, startCaikit, type TestServer } from "../../support/grpc.js";
import { failing, hello, playing, ScriptedEngine } from "../../support/scripted-engine.js";

const service = "/caikit.runtime.Nlp.NlpService";
const predict = `${service}/TextGenerationTaskPredict`;
const predictStream = `${service}/ServerStreamingTextGenerationTaskPredict`;
const tokenize = `${service}/TokenizationTaskPredict`;

let engine: ScriptedEngine;
let server: TestServer;

beforeEach(async () => {
  engine = new ScriptedEngine();
  server = await startCaikit(engine);
});
afterEach(() => server.stop());

const token = (piece: string, logprob: number, rank: number): TokenDetail => ({ id: 1, piece, logprob, rank, top: [] });
const detailed: readonly GenerationEvent[] = [
  { type: "started", promptTokens: 2, seed: 99n, text: "ab" },
  { type: "prompt", tokens: [token("a", NaN, 0), token("b", -0.1, 3)] },
  { type: "tokens", text: "c", tokens: [token("Ġc", -1.5, 1)], completionTokens: 1 },
  { type: "tokens", text: "d", tokens: [token("d", 0, 0)], completionTokens: 2, stop: { reason: "max-tokens" } },
];

describe("unary", () => {
  test("answers in exactly the original's bytes", async () => {
    const { code, messages } = await server.client.call(predict, encode(Request, { text: "At what temperature?" }));
    expect({ code, messages: messages.map((message) => message.toString("hex")) }).toEqual({
      code: status.OK,
      messages: ["0a0d37342064c3a9677265657320461005180222180a0f546578742047656e65726174696f6e1205302e312e30280a"],
    });
  });

  test("hands the request to the engine in its own terms", async () => {
    await server.client.call(predict, encode(Request, { text: "p", maxNewTokens: 7n, stopSequences: ["x"] }));
    expect(engine.requests).toMatchObject([{ prompt: "p", method: "greedy", maxNewTokens: 7, stopSequences: ["x"] }]);
  });

  test("joins all events: text, tokens, counts; logprobs in single precision", async () => {
    engine.script = playing(detailed);
    const result = only(Result, await server.client.call(predict));
    expect(result).toMatchObject({
      generatedText: "abcd",
      generatedTokens: 2n,
      finishReason: FinishReason.MAX_TOKENS,
      inputTokenCount: 2n,
      tokens: [
        { text: "Ġc", logprob: -1.5, rank: 1n },
        { text: "d", logprob: 0, rank: 0n },
      ],
      inputTokens: [
        { text: "a", logprob: NaN, rank: 0n },
        { text: "b", logprob: -0.10000000149011612, rank: 3n },
      ],
    });
  });

  test("echoes the client's seed and never the engine's", async () => {
    engine.script = playing(detailed);
    const seeds = [{}, { seed: 5n }, { seed: 2n ** 64n - 1n }].map(async (given) => {
      const request = encode(Request, { text: "p", decodingMethod: "SAMPLING", ...given });
      return only(Result, await server.client.call(predict, request)).seed;
    });
    expect(await Promise.all(seeds)).toEqual([0n, 5n, 2n ** 64n - 1n]);
  });

  test.each<[StopReason, FinishReason]>([
    ["eos", FinishReason.EOS_TOKEN],
    ["max-tokens", FinishReason.MAX_TOKENS],
    ["token-limit", FinishReason.TOKEN_LIMIT],
    ["stop-sequence", FinishReason.STOP_SEQUENCE],
    ["time-limit", FinishReason.TIME_LIMIT],
    ["cancelled", FinishReason.CANCELLED],
    ["error", FinishReason.ERROR],
  ])("tells stop reason %s as %d", async (reason, finishReason) => {
    engine.script = playing([{ type: "tokens", text: "", tokens: [], completionTokens: 1, stop: { reason } }]);
    expect(only(Result, await server.client.call(predict)).finishReason).toBe(finishReason);
  });
});

describe("stream", () => {
  const stream = async (request = {}) => {
    const answer = await server.client.call(predictStream, encode(StreamRequest, request));
    return { ...answer, hex: answer.messages.map((message) => message.toString("hex")) };
  };

  test("sends one message for each event, in exactly the original's bytes", async () => {
    expect(await stream({ text: "p" })).toMatchObject({
      code: status.OK,
      details: "",
      hex: ["1a02200a", "0a0737342064c3a9671a021002", "0a06726565732046" + "1a0408021005"],
    });
  });

  test("has details in every message, also when there is nothing to say", async () => {
    engine.script = playing([{ type: "started", promptTokens: 0, seed: 0n, text: "" }]);
    expect((await stream()).hex).toEqual(["1a00"]);
  });

  test("says the prompt's length first and with its tokens, the seed first and last, the producer never", async () => {
    engine.script = playing(detailed);
    const messages = (await stream()).messages.map((message) => fromBinary(StreamResult, message));
    expect(messages).toMatchObject([
      { generatedText: "ab", details: { inputTokenCount: 2n, seed: 99n, generatedTokens: 0 }, inputTokens: [] },
      { generatedText: "", details: { inputTokenCount: 2n, seed: 0n }, inputTokens: [{ text: "a" }, { text: "b" }] },
      {
        generatedText: "c",
        tokens: [{ text: "Ġc", logprob: -1.5, rank: 1n }],
        details: { inputTokenCount: 0n, seed: 0n, generatedTokens: 1, finishReason: FinishReason.NOT_FINISHED },
      },
      { generatedText: "d", details: { seed: 99n, generatedTokens: 2, finishReason: FinishReason.MAX_TOKENS } },
    ]);
    expect(messages.map(({ producerId }) => producerId)).toEqual([undefined, undefined, undefined, undefined]);
  });

  test("takes the unary request's message, which some clients send", async () => {
    const request = encode(Request, { text: "p", maxNewTokens: 3n, includeStopSequence: false });
    await server.client.call(predictStream, request);
    expect(engine.requests).toMatchObject([{ prompt: "p", maxNewTokens: 3, includeStopSequence: false }]);
  });

  test("ends with the status of an error in mid-stream, behind the messages sent before", async () => {
    engine.script = async function* (request, signal) {
      yield* playing(hello.slice(0, 2))(request, signal);
      throw new UnavailableError("the backend is gone");
    };
    expect(await stream()).toMatchObject({
      code: status.UNAVAILABLE,
      details: "the backend is gone",
      hex: ["1a02200a", "0a0737342064c3a9671a021002"],
    });
  });
});

describe("errors of the engine", () => {
  const tcp = "The underlying TCP connection is closed";
  const violation = new InvalidRequestError({ rule: "max-new-tokens", value: 65, limit: 64 }, "our own words");

  test.each<[OrtlerError, status, string, string]>([
    [violation, status.INVALID_ARGUMENT, "max_new_tokens must be <= 64", "max_new_tokens must be <= 64"],
    [new OverCapacityError(2), status.INVALID_ARGUMENT, "Model is overloaded", "Model is overloaded"],
    [new UnavailableError("draining"), status.UNAVAILABLE, tcp, "draining"],
    [new CancelledError("dropped"), status.UNAVAILABLE, tcp, "dropped"],
  ])("%o: code %d, `%s` unary, `%s` in a stream", async (error, code, unary, streamed) => {
    engine.script = failing(error);
    expect(await server.client.call(predict)).toMatchObject({ code, details: unary, messages: [] });
    expect(await server.client.call(predictStream)).toMatchObject({ code, details: streamed, messages: [] });
  });
});

test("answers checks of the parameters before it asks the engine", async () => {
  const request = { text: "p", decodingMethod: "greedy" };
  const details =
    "value check failed: Decoding method [greedy] not in valid decoding methods: [['GREEDY', 'SAMPLING']]";
  const answers = [
    await server.client.call(predict, encode(Request, request)),
    await server.client.call(predictStream, encode(StreamRequest, request)),
  ];
  expect(answers).toMatchObject(Array(2).fill({ code: status.INVALID_ARGUMENT, details, messages: [] }));
  expect(engine.requests).toEqual([]);
});

test("counts tokens, and says nothing of none", async () => {
  const count = async (text: string) => server.client.call(tokenize, encode(TokenizationTaskRequestSchema, { text }));
  expect(only(TokenizationResultsSchema, await count("four"))).toMatchObject({ tokenCount: 4n, results: [] });
  expect((await count("")).messages).toEqual([Buffer.of()]);
});

describe("the model id", () => {
  const methods = [predict, predictStream, tokenize];
  test.each<[string, [string, string][]]>([
    ["no metadata", []],
    ["an empty id", [["mm-model-id", ""]]],
    [
      "two ids, the last empty",
      [
        ["mm-model-id", "a"],
        ["mm-model-id", ""],
      ],
    ],
    ["a binary header", [["mm-model-id-bin", "6d6f64656c"]]],
  ])("is missing with %s", async (_, metadata) => {
    const answers = await Promise.all(methods.map((method) => server.client.call(method, undefined, metadata)));
    const missing = { code: status.INVALID_ARGUMENT, details: "Missing required model ID", messages: [] };
    expect(answers).toMatchObject([missing, missing, missing]);
  });

  test.each<[string, [string, string][]]>([
    ["another name", [["mm-model-id", "any"]]],
    ["odd characters", [["mm-model-id", "../a b/c%?"]]],
    [
      "two values",
      [
        ["mm-model-id", ""],
        ["mm-model-id", "b"],
      ],
    ],
    ["upper case in the key", [["MM-Model-Id", "b"]]],
  ])("may have %s", async (_, metadata) => {
    expect(await server.client.call(predict, undefined, metadata)).toMatchObject({ code: status.OK });
  });
});

test("serves many streams at once, each with its own messages", async () => {
  engine.script = async function* ({ prompt }) {
    yield { type: "started", promptTokens: 1, seed: 0n, text: "" };
    for (let i = 1; i <= 20; i++) {
      await new Promise(setImmediate);
      yield {
        type: "tokens",
        text: prompt,
        tokens: [],
        completionTokens: i,
        ...(i === 20 && { stop: { reason: "eos" } }),
      };
    }
  };
  const texts = await Promise.all(
    Array.from({ length: 32 }, async (_, i) => {
      const { messages } = await server.client.call(predictStream, encode(StreamRequest, { text: `<${i}>` }));
      return messages.map((message) => fromBinary(StreamResult, message).generatedText).join("");
    }),
  );
  expect(texts).toEqual(Array.from({ length: 32 }, (_, i) => `<${i}>`.repeat(20)));
});
