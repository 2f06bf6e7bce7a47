import { status } from "@grpc/grpc-js";
import { describe, expect, test } from "vitest";
import { toEngineRequest } from "../../../src/api/caikit/engine-request.js";
import type { CaikitParameters } from "../../../src/api/caikit/parameters.js";

const request = (parameters: Partial<CaikitParameters> = {}) =>
  toEngineRequest("a prompt", { stopSequences: [], ...parameters });
const sampling = (parameters: Partial<CaikitParameters>) => ({ decodingMethod: "SAMPLING", ...parameters });
const penalty = (decayFactor: number, startIndex = 0n) => ({
  exponentialDecayLengthPenalty: { startIndex, decayFactor },
});

describe("the checks, in the contract's order", () => {
  const greedyText =
    "sampling parameters (temperature/top_k/top_p/typical_p/seed) aren't applicable in greedy decoding mode";
  const decayText = "value check failed: decay_factor in exponential_decay_length_penalty must be >= 1.0 and <= 10.0";
  const methodText = (method: string) =>
    `value check failed: Decoding method [${method}] not in valid decoding methods: [['GREEDY', 'SAMPLING']]`;
  const lengthText = (max: number, min: number) =>
    `value check failed: Maximum new tokens [${max}] has to be greater than minimum new tokens         [${min}]`;

  test.each<[string, Partial<CaikitParameters>]>([
    [lengthText(5, 6), { maxNewTokens: 5n, minNewTokens: 6n }],
    [lengthText(20, 21), { minNewTokens: 21n }],
    [lengthText(-1, 0), { maxNewTokens: -1n }],
    [methodText("greedy"), { decodingMethod: "greedy" }],
    [methodText(""), { decodingMethod: "" }],
    ["value check failed: temperature must be >= 0.05", sampling({ temperature: 0.0499 })],
    ["value check failed: temperature must be >= 0.05", sampling({ temperature: NaN })],
    ["value check failed: top_p must be > 0.0 and <= 1.0", sampling({ topP: 1.01 })],
    ["value check failed: top_p must be > 0.0 and <= 1.0", sampling({ topP: -0.1 })],
    ["value check failed: top_p must be > 0.0 and <= 1.0", sampling({ topP: NaN })],
    ["value check failed: top_k must be strictly positive", sampling({ topK: -1n })],
    ["value check failed: typical_p must be <= 1.0", { typicalP: 1.01 }],
    ["value check failed: typical_p must be <= 1.0", { typicalP: NaN }],
    ["value check failed: repetition_penalty must be > 0.0", { repetitionPenalty: -0.1 }],
    ["value check failed: repetition_penalty must be > 0.0", { repetitionPenalty: NaN }],
    [decayText, penalty(0.99)],
    [decayText, penalty(10.01)],
    [decayText, penalty(NaN)],
    [decayText, penalty(0)],
    [greedyText, { temperature: 0.5 }],
    [greedyText, { temperature: 0 }],
    [greedyText, { topK: 5n }],
    [greedyText, { topP: 0 }],
    [greedyText, { seed: 7n }],
    ["Value out of range: 4294967296", sampling({ topK: 2n ** 32n })],
    ["Value out of range: 18446744073709551616", sampling({ seed: 2n ** 64n })],
    ["cannot convert float NaN to integer", { maxTime: NaN }],
    ["Value out of range: 4294967296", { maxNewTokens: 2n ** 32n }],
    ["Value out of range: -1", { minNewTokens: -1n }],
    ["Value out of range: -5000", { maxTime: -5 }],
    ["Value out of range: 5000000000", { maxTime: 5_000_000 }],
    ["Value out of range: -2", penalty(2, -2n)],
    ["Value out of range: -3", { truncateInputTokens: -3n }],
  ])("refuses with `%s` %o", (text, parameters) => {
    expect(() => request(parameters)).toThrow(
      expect.objectContaining({ code: status.INVALID_ARGUMENT, message: text }),
    );
  });

  test.each([Infinity, -Infinity, 1e306])("reports a max_time of %d as INTERNAL, as the original does", (maxTime) => {
    expect(() => request({ maxTime })).toThrow(
      expect.objectContaining({ code: status.INTERNAL, message: "cannot convert float infinity to integer" }),
    );
  });

  test("reports the first check that fails, when one after another is mended", () => {
    const broken: Partial<CaikitParameters> = {
      maxNewTokens: 1n,
      minNewTokens: 2n,
      decodingMethod: "X",
      temperature: 0.01,
      topP: 2,
      topK: -1n,
      typicalP: 2,
      repetitionPenalty: -1,
      maxTime: NaN,
      truncateInputTokens: -9n,
      ...penalty(11, -3n),
    };
    const mended: Partial<CaikitParameters>[] = [
      {},
      { minNewTokens: -1n },
      { decodingMethod: "GREEDY" },
      { temperature: 1 },
      { topP: 1 },
      { topK: 0n },
      { typicalP: 1 },
      { repetitionPenalty: 1 },
      { ...penalty(10, -3n), seed: 7n },
      { seed: 0n },
      { maxTime: -2 },
      { minNewTokens: 0n },
      { maxTime: 2 },
      penalty(10, 3n),
    ];
    let parameters = broken;
    const texts = mended.map((change) => {
      parameters = { ...parameters, ...change };
      return refusal(parameters);
    });
    expect(texts).toEqual([
      lengthText(1, 2),
      methodText("X"),
      "value check failed: temperature must be >= 0.05",
      "value check failed: top_p must be > 0.0 and <= 1.0",
      "value check failed: top_k must be strictly positive",
      "value check failed: typical_p must be <= 1.0",
      "value check failed: repetition_penalty must be > 0.0",
      decayText,
      greedyText,
      "cannot convert float NaN to integer",
      "Value out of range: -1",
      "Value out of range: -2000",
      "Value out of range: -3",
      "Value out of range: -9",
    ]);
  });
});

function refusal(parameters: Partial<CaikitParameters>): string {
  try {
    request(parameters);
  } catch (error) {
    return error instanceof Error ? error.message : "no error";
  }
  return "accepted";
}

describe("what the engine is asked", () => {
  test("is the contract's default for everything that is not given", () => {
    expect(request()).toEqual({
      prompt: "a prompt",
      method: "greedy",
      temperature: 0,
      topK: 0,
      topP: 0,
      typicalP: 0,
      seed: undefined,
      repetitionPenalty: 0,
      lengthPenalty: undefined,
      maxNewTokens: 20,
      minNewTokens: 0,
      stopSequences: [],
      includeStopSequence: undefined,
      timeLimitMs: 0,
      truncatePromptTokens: 0,
      includePromptText: undefined,
      details: { promptTokens: false, completionTokens: false, logprobs: false, ranks: false },
    });
  });

  test("has every parameter that is given, floats in single precision", () => {
    expect(
      request({
        decodingMethod: "SAMPLING",
        temperature: 0.7,
        topK: 50n,
        topP: 0.9,
        typicalP: 0.2,
        seed: 2n ** 64n - 1n,
        repetitionPenalty: 1.3,
        exponentialDecayLengthPenalty: { startIndex: 4n, decayFactor: 1.1 },
        maxNewTokens: 7n,
        minNewTokens: 3n,
        stopSequences: ["a", "b"],
        includeStopSequence: false,
        maxTime: 1.2345,
        truncateInputTokens: 9n,
        preserveInputText: true,
        inputTokens: true,
        generatedTokens: true,
        tokenLogprobs: true,
        tokenRanks: true,
      }),
    ).toEqual({
      prompt: "a prompt",
      method: "sample",
      temperature: 0.699999988079071,
      topK: 50,
      topP: 0.8999999761581421,
      typicalP: 0.20000000298023224,
      seed: 18446744073709551615n,
      repetitionPenalty: 1.2999999523162842,
      lengthPenalty: { startIndex: 4, decayFactor: 1.100000023841858 },
      maxNewTokens: 7,
      minNewTokens: 3,
      stopSequences: ["a", "b"],
      includeStopSequence: false,
      timeLimitMs: 1234,
      truncatePromptTokens: 9,
      includePromptText: true,
      details: { promptTokens: true, completionTokens: true, logprobs: true, ranks: true },
    });
  });

  test.each<[string, Partial<CaikitParameters>]>([
    ["neutral sampling values when greedy", { temperature: 1, topK: 0n, topP: 1, seed: 0n, typicalP: 0.5 }],
    ["an explicit temperature and top_p of 0 when sampling", sampling({ temperature: 0, topP: 0 })],
    ["a top_k that only the engine refuses", sampling({ topK: 3_000_000_000n })],
    ["min equal to max", { maxNewTokens: 5n, minNewTokens: 5n }],
    ["an infinite repetition penalty", { repetitionPenalty: Infinity }],
    ["a negative typical_p", { typicalP: -1 }],
  ])("takes %s", (_, parameters) => {
    expect(() => request(parameters)).not.toThrow();
  });

  test.each([
    [0.0009, 0],
    [-0.0004, 0],
    [0.001, 1],
    [4_294_967.295, 4_294_967_295],
  ])("truncates a max_time of %d s to %d ms", (maxTime, timeLimitMs) => {
    expect(request({ maxTime })).toMatchObject({ timeLimitMs });
  });
});
