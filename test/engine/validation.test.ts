import { describe, expect, test } from "vitest";
import type { GenerationRequest, RequestLimits, UncheckedRequest } from "../../src/engine/request.js";
import { checkParameters, completeRequest } from "../../src/engine/validation.js";
import { InvalidRequestError, type Violation } from "../../src/engine/violations.js";

const limits: RequestLimits = {
  maxSequenceLength: 100,
  maxNewTokens: 50,
  vocabularySize: 600,
  includeStopSequenceByDefault: true,
};
const drawnSeed = 4_000_000_000n;

interface Given {
  readonly promptTokens?: number;
  readonly beginOfTextId?: number;
  readonly limits?: Partial<RequestLimits>;
}

/** Validates a greedy request for a prompt of ids 1, 2, 3, ... */
function validate(asked: Partial<UncheckedRequest>, given: Given = {}): GenerationRequest {
  const promptTokenIds = Array.from({ length: given.promptTokens ?? 5 }, (_, i) => i + 1);
  const request: UncheckedRequest = { prompt: "text", method: "greedy", ...asked };
  const all = { ...limits, ...given.limits };
  return completeRequest(
    checkParameters(request, all, () => drawnSeed),
    promptTokenIds,
    given.beginOfTextId,
    all,
  );
}

const sample = (asked: Partial<UncheckedRequest>): GenerationRequest["sampling"] =>
  validate({ method: "sample", ...asked }).sampling;

function violationOf(asked: Partial<UncheckedRequest>, given?: Given): Violation | undefined {
  try {
    validate(asked, given);
  } catch (error) {
    return error instanceof InvalidRequestError ? error.violation : undefined;
  }
  return undefined;
}

const ruleOf = (asked: Partial<UncheckedRequest>, given?: Given): string | undefined => violationOf(asked, given)?.rule;

describe("a request that leaves everything out", () => {
  test("is greedy, of 20 new tokens, with nothing switched on", () => {
    expect(validate({})).toEqual({
      promptText: "text",
      promptTokenIds: [1, 2, 3, 4, 5],
      sampling: undefined,
      repetitionPenalty: 1,
      lengthPenalty: undefined,
      frequencyPenalty: 0,
      presencePenalty: 0,
      logitBias: undefined,
      maxNewTokens: 20,
      isTokenLimited: false,
      minNewTokens: 0,
      stopSequences: [],
      includeStopSequence: true,
      timeLimitMs: undefined,
      includePromptText: false,
      details: { promptTokens: false, completionTokens: false, logprobs: false, ranks: false, topN: 0 },
    });
  });

  test("is the one that gives every number as 0", () => {
    const zeros = { maxNewTokens: 0, minNewTokens: 0, repetitionPenalty: 0, timeLimitMs: 0, truncatePromptTokens: 0 };
    expect(validate({ ...zeros, details: { topN: 0 } })).toEqual(validate({}));
    const neutral = { temperature: 1, topK: 0, topP: 1, typicalP: 1, seed: drawnSeed };
    expect(sample({ temperature: 0, topK: 0, topP: 0, typicalP: 0 })).toEqual(neutral);
    expect(sample({})).toEqual(neutral);
  });

  test("takes the server's setting for including the stop sequence", () => {
    const off = { limits: { includeStopSequenceByDefault: false } };
    expect(validate({}, off).includeStopSequence).toBe(false);
    expect(validate({ includeStopSequence: true }, off).includeStopSequence).toBe(true);
  });
});

describe("sampling parameters", () => {
  test("are ignored, however wrong, when greedy", () => {
    expect(validate({ temperature: -1, topK: -1, topP: 7, typicalP: NaN, seed: 3n }).sampling).toBeUndefined();
  });

  test("are kept as given, up to their limits", () => {
    const given = { temperature: 0.05, topK: 600, topP: 1e-6, typicalP: 0.2, seed: (1n << 64n) - 1n };
    expect(sample(given)).toEqual(given);
    expect(sample({ temperature: 1e6, topP: 1, typicalP: 1 })).toMatchObject({
      temperature: 1e6,
      topP: 1,
      typicalP: 1,
    });
  });

  test("have top-k cut to the vocabulary, and a negative typical-p off", () => {
    expect(sample({ topK: 2 ** 31 - 1, typicalP: -3 })).toMatchObject({ topK: 600, typicalP: 1 });
  });

  test("are given a seed only where one is missing", () => {
    expect(sample({})?.seed).toBe(drawnSeed);
    expect(sample({ seed: 0n })?.seed).toBe(0n);
  });
});

describe("a broken rule", () => {
  const method = "sample";
  const rows: readonly (readonly [Partial<UncheckedRequest>, Violation])[] = [
    [
      { method, temperature: 0.049 },
      { rule: "temperature", value: 0.049, minimum: 0.05 },
    ],
    [
      { method, temperature: -1 },
      { rule: "temperature", value: -1, minimum: 0.05 },
    ],
    [
      { method, temperature: NaN },
      { rule: "temperature", value: NaN, minimum: 0.05 },
    ],
    [
      { method, topP: -0.1 },
      { rule: "top-p", value: -0.1 },
    ],
    [
      { method, topP: 1.01 },
      { rule: "top-p", value: 1.01 },
    ],
    [
      { method, topP: NaN },
      { rule: "top-p", value: NaN },
    ],
    [
      { method, typicalP: 1.5 },
      { rule: "typical-p", value: 1.5 },
    ],
    [
      { method, typicalP: NaN },
      { rule: "typical-p", value: NaN },
    ],
    [
      { method, topK: -1 },
      { rule: "top-k", value: -1 },
    ],
    [
      { method, topK: 2 ** 31 },
      { rule: "top-k", value: 2 ** 31 },
    ],
    [
      { method, topK: 1.5 },
      { rule: "top-k", value: 1.5 },
    ],
    [{ maxNewTokens: 51 }, { rule: "max-new-tokens", value: 51, limit: 50 }],
    [{ maxNewTokens: -1 }, { rule: "max-new-tokens", value: -1, limit: 50 }],
    [{ minNewTokens: 21 }, { rule: "min-new-tokens", value: 21, maxNewTokens: 20 }],
    [{ repetitionPenalty: -0.5 }, { rule: "repetition-penalty", value: -0.5 }],
    [{ repetitionPenalty: NaN }, { rule: "repetition-penalty", value: NaN }],
    [{ repetitionPenalty: 1e-60 }, { rule: "repetition-penalty", value: 1e-60 }],
    [{ lengthPenalty: { startIndex: 0, decayFactor: 0 } }, { rule: "length-penalty", value: 0 }],
    [{ lengthPenalty: { startIndex: 0, decayFactor: 10.1 } }, { rule: "length-penalty", value: 10.1 }],
    [{ lengthPenalty: { startIndex: 0, decayFactor: NaN } }, { rule: "length-penalty", value: NaN }],
    [
      { stopSequences: ["a", "b", "c", "d", "e", "f", "g"] },
      { rule: "stop-sequences", count: 7, maxCount: 6, maxBytes: 240 },
    ],
    [{ stopSequences: ["a", ""] }, { rule: "stop-sequences", count: 2, maxCount: 6, maxBytes: 240 }],
    [{ stopSequences: ["é".repeat(121)] }, { rule: "stop-sequences", count: 1, maxCount: 6, maxBytes: 240 }],
    [{ details: { completionTokens: true, topN: 11 } }, { rule: "top-n-tokens", value: 11, limit: 10 }],
    [{ details: { logprobs: true } }, { rule: "token-details" }],
    [{ details: { ranks: true } }, { rule: "token-details" }],
    [{ details: { topN: 1 } }, { rule: "token-details" }],
    [{ frequencyPenalty: 2.1 }, { rule: "frequency-penalty", value: 2.1, limit: 2 }],
    [{ frequencyPenalty: NaN }, { rule: "frequency-penalty", value: NaN, limit: 2 }],
    [{ presencePenalty: -2.1 }, { rule: "presence-penalty", value: -2.1, limit: 2 }],
    [{ logitBias: new Map([[600, 1]]) }, { rule: "logit-bias-token", tokenId: 600, vocabularySize: 600 }],
    [{ logitBias: new Map([[0.5, 1]]) }, { rule: "logit-bias-token", tokenId: 0.5, vocabularySize: 600 }],
    [{ logitBias: new Map([[5, NaN]]) }, { rule: "logit-bias", tokenId: 5, value: NaN }],
    [{ promptTokenIds: [1, -1] }, { rule: "prompt-token", tokenId: -1, vocabularySize: 600 }],
    [{ promptTokenIds: [600] }, { rule: "prompt-token", tokenId: 600, vocabularySize: 600 }],
  ];

  test.each(rows)("is named with its facts: %o", (asked, violation) => {
    expect(violationOf(asked)).toEqual(violation);
  });

  test("is the first in the order of TGIS when there are several", () => {
    const broken: Partial<UncheckedRequest>[] = [
      { method, temperature: 0.01 },
      { topP: 2 },
      { typicalP: 2 },
      { topK: -1 },
      { maxNewTokens: 51 },
      { minNewTokens: 52 },
      { repetitionPenalty: -1 },
      { lengthPenalty: { startIndex: 0, decayFactor: 0 } },
    ];
    const rules = broken.map((_, first) =>
      ruleOf(Object.assign({ method }, ...broken.slice(first)) as (typeof broken)[0]),
    );
    expect(rules).toEqual([
      "temperature",
      "top-p",
      "typical-p",
      "top-k",
      "max-new-tokens",
      "min-new-tokens",
      "repetition-penalty",
      "length-penalty",
    ]);
  });

  test("of the details comes after too many stop sequences and before one that is too long", () => {
    const details = { logprobs: true };
    expect(ruleOf({ details, lengthPenalty: { startIndex: 0, decayFactor: 0 } })).toBe("length-penalty");
    expect(ruleOf({ details, stopSequences: ["a", "b", "c", "d", "e", "f", "g"] })).toBe("stop-sequences");
    expect(ruleOf({ details: { topN: 11 }, stopSequences: [""] })).toBe("top-n-tokens");
    expect(ruleOf({ details, stopSequences: [""] })).toBe("token-details");
  });

  test("of what TGIS does not have comes after all of its parameters", () => {
    const asked: Partial<UncheckedRequest>[] = [
      { stopSequences: [""] },
      { frequencyPenalty: 3 },
      { presencePenalty: 3 },
      { logitBias: new Map([[600, 1]]) },
      { promptTokenIds: [600] },
    ];
    const rules = asked.map((_, first) => ruleOf(Object.assign({}, ...asked.slice(first)) as (typeof asked)[0]));
    expect(rules).toEqual([
      "stop-sequences",
      "frequency-penalty",
      "presence-penalty",
      "logit-bias-token",
      "prompt-token",
    ]);
  });

  test("of the parameters comes before those on length", () => {
    expect(ruleOf({ stopSequences: [""] }, { promptTokens: 0 })).toBe("stop-sequences");
  });

  test("is the default of 20 new tokens where the server allows fewer", () => {
    expect(violationOf({}, { limits: { maxNewTokens: 10 } })).toEqual({ rule: "max-new-tokens", value: 20, limit: 10 });
  });

  test("is none at the limits themselves", () => {
    const penalty = { startIndex: 2 ** 32 - 1, decayFactor: 10 };
    const stopSequences = ["é".repeat(120), "a", "b", "c", "d", "e"];
    expect(ruleOf({ maxNewTokens: 50, minNewTokens: 50, lengthPenalty: penalty, stopSequences })).toBeUndefined();
    expect(ruleOf({ details: { promptTokens: true, topN: 10, logprobs: true, ranks: true } })).toBeUndefined();
  });
});

describe("what is added to logits", () => {
  test("is kept up to its limits, a bias clamped to them", () => {
    const logitBias = new Map([
      [0, 100.5],
      [599, -Infinity],
      [7, -99],
    ]);
    expect(validate({ frequencyPenalty: -2, presencePenalty: 2, logitBias })).toMatchObject({
      frequencyPenalty: -2,
      presencePenalty: 2,
      logitBias: new Map([
        [0, 100],
        [599, -100],
        [7, -99],
      ]),
    });
  });

  test("is off when it adds nothing", () => {
    expect(validate({ logitBias: new Map([[3, 0]]) }).logitBias).toBeUndefined();
    expect(validate({ logitBias: new Map() }).logitBias).toBeUndefined();
  });
});

describe("the length of the prompt", () => {
  test("must leave room for a token, after truncation", () => {
    expect(violationOf({}, { promptTokens: 100 })).toEqual({ rule: "prompt-length", promptTokens: 100, limit: 100 });
    expect(ruleOf({}, { promptTokens: 99 })).toBeUndefined();
    expect(ruleOf({ truncatePromptTokens: 99 }, { promptTokens: 1000 })).toBeUndefined();
  });

  test("must leave room for the minimum of new tokens", () => {
    expect(violationOf({ minNewTokens: 11 }, { promptTokens: 90 })).toEqual({
      rule: "prompt-and-min-length",
      promptTokens: 90,
      minNewTokens: 11,
      limit: 100,
    });
    expect(ruleOf({ minNewTokens: 10 }, { promptTokens: 90 })).toBeUndefined();
  });

  test("must not be zero", () => {
    expect(violationOf({}, { promptTokens: 0 })).toEqual({ rule: "empty-prompt" });
  });

  test("lowers the maximum of new tokens to what fits, and says so", () => {
    const lengths = (promptTokens: number): unknown[] => {
      const { maxNewTokens, isTokenLimited } = validate({ maxNewTokens: 10 }, { promptTokens });
      return [maxNewTokens, isTokenLimited];
    };
    expect([lengths(89), lengths(90), lengths(91), lengths(99)]).toEqual([
      [10, false],
      [10, false],
      [9, true],
      [1, true],
    ]);
  });
});

describe("truncation", () => {
  const kept = (truncatePromptTokens: number, beginOfTextId?: number): readonly number[] =>
    validate({ truncatePromptTokens }, beginOfTextId === undefined ? {} : { beginOfTextId }).promptTokenIds;

  test("keeps the last tokens", () => {
    expect([kept(2), kept(5), kept(6)]).toEqual([
      [4, 5],
      [1, 2, 3, 4, 5],
      [1, 2, 3, 4, 5],
    ]);
  });

  test("puts the begin-of-text token in the place of the first that is kept", () => {
    expect([kept(3, 77), kept(1, 77), kept(5, 77)]).toEqual([[77, 4, 5], [77], [1, 2, 3, 4, 5]]);
  });

  test("leaves the prompt's text and the caller's tokens whole", () => {
    const tokenIds = [1, 2, 3];
    const parameters = checkParameters({ prompt: "abc", method: "greedy", truncatePromptTokens: 2 }, limits, () => 0n);
    expect(completeRequest(parameters, tokenIds, 9, limits)).toMatchObject({
      promptText: "abc",
      promptTokenIds: [9, 3],
    });
    expect(tokenIds).toEqual([1, 2, 3]);
  });
});

describe("a prompt with too many characters", () => {
  const limited = { limits: { maxPromptCharacters: 10 } };

  test("is refused before it is tokenized, in UTF-16 code units, and one at the limit is not", () => {
    expect(violationOf({ prompt: "x".repeat(10) }, limited)).toBeUndefined();
    expect(violationOf({ prompt: "🐳".repeat(5) }, limited)).toBeUndefined();
    const violation = { rule: "prompt-characters", characters: 11, limit: 10 };
    expect(violationOf({ prompt: "x".repeat(11) }, limited)).toEqual(violation);
    expect(violationOf({ prompt: "🐳".repeat(5) + "x" }, limited)).toEqual(violation);
  });

  test("is no matter when it comes as token ids, which are not tokenized", () => {
    expect(violationOf({ prompt: "x".repeat(11), promptTokenIds: [1] }, limited)).toBeUndefined();
  });

  test("is named after the parameters, which cost less to check", () => {
    expect(ruleOf({ prompt: "x".repeat(11), maxNewTokens: 1000 }, limited)).toBe("max-new-tokens");
  });

  test("is no matter without a limit", () => {
    expect(violationOf({ prompt: "x".repeat(2_000_000) })).toBeUndefined();
  });
});
