import { describe, expect, test } from "vitest";
import type { Sequence } from "../../src/engine/sequence.js";
import { show } from "../support/batching.js";
import { resultWith } from "../support/logits.js";
import { idsOf } from "../support/scripted-runner.js";
import { resultOf, sequenceOf, toldBy } from "../support/sequences.js";

/** Takes and tells one token after the other; what the caller hears. */
async function hear(sequence: Sequence, tokens: string, nowMs = 0): Promise<string[]> {
  for (const token of tokens) {
    sequence.takeToken(resultOf(token), 0, nowMs);
    sequence.tell();
  }
  return (await toldBy(sequence)).map(show);
}

describe("a sequence", () => {
  test("starts with its prompt, nothing cached and no slot", () => {
    const { promptTokens, cachedTokens, slot, hasStopped } = sequenceOf({ prompt: "abc" });
    expect([promptTokens, cachedTokens, slot, hasStopped]).toEqual([3, 0, undefined, false]);
  });

  test("expires its time limit after it arrived, to the millisecond", () => {
    const sequence = sequenceOf({ prompt: "a", timeLimitMs: 100 }, 50);
    expect([sequence.isExpired(149), sequence.isExpired(150)]).toEqual([false, true]);
    expect(sequenceOf({ prompt: "a" }, 50).isExpired(Infinity)).toBe(false);
  });

  test("keeps the newest token for the next decode, and knows its last", () => {
    const sequence = sequenceOf({ prompt: "a", maxNewTokens: 2 });
    const states = Array.from("bc", (token) => {
      sequence.takeToken(resultOf("x", token), 1, 0);
      return [sequence.newestTokenId, sequence.hasStopped];
    });
    expect(states).toEqual([
      [...idsOf("b"), false],
      [...idsOf("c"), true],
    ]);
  });

  test("says nothing of a token that has no text yet, unless it is listed or the last", async () => {
    const fields = { stopSequences: ["cx"], includeStopSequence: false };
    expect(await hear(sequenceOf({ prompt: "a", ...fields }), "bcd")).toEqual(['"b" 1', '"cd" 3']);
    const listed = { ...fields, details: { completionTokens: true } };
    expect(await hear(sequenceOf({ prompt: "a", ...listed }), "bcd")).toEqual(['"b" 1 [b]', '"" 2 [c]', '"cd" 3 [d]']);
    expect(await hear(sequenceOf({ prompt: "a" }), "$")).toEqual(['"" 1 eos']);
  });

  test("that expires before its first token says so, without text", async () => {
    const sequence = sequenceOf({ prompt: "a", timeLimitMs: 1, includePromptText: true });
    sequence.expire();
    expect(sequence.hasStopped).toBe(true);
    expect((await toldBy(sequence)).map(show)).toEqual(['"" 0 time-limit']);
  });

  test("refuses a row of NaN", () => {
    const nan = resultWith(() => new Float32Array(128).fill(NaN));
    expect(() => sequenceOf({ prompt: "a" }).takeToken(nan, 0, 0)).toThrow("NaN");
  });
});

describe("the prompt's tokens", () => {
  const details = { promptTokens: true, logprobs: true, ranks: true, topN: 1 };
  // Row i has the logits after prompt token i. The softmax over e^2, e^1 and 126 times e^0:
  const total = Math.log(Math.exp(2) + Math.exp(1) + 126);
  const expected = [
    { piece: "a", logprob: NaN, rank: 0, top: [] },
    { piece: "b", logprob: 2 - total, rank: 1, top: ["b"] },
    { piece: "c", logprob: 1 - total, rank: 2, top: ["x"] },
    { piece: "d", logprob: -total, rank: 3, top: ["z"] },
  ];

  /** In the chunks that end at `ends`; of each token what `expected` says. */
  async function describeIn(ends: readonly number[]): Promise<unknown[]> {
    const sequence = sequenceOf({ prompt: "abcd", details });
    const rows = ["by", "xc", "zy", "ef"];
    let start = 0;
    for (const end of ends) {
      sequence.describePrompt(start, end, resultOf(...rows.slice(start, end)));
      start = end;
    }
    const told = (await toldBy(sequence)).flatMap((event) => (event.type === "prompt" ? [event.tokens] : []));
    return told.map((tokens) =>
      tokens.map(({ piece, logprob, rank, top }) => ({ piece, logprob, rank, top: top.map((each) => each.piece) })),
    );
  }

  test.each([[[4]], [[1, 4]], [[3, 4]], [[1, 2, 3, 4]]])("are told once, whatever the chunks: %j", async (ends) => {
    const [tokens, ...more] = (await describeIn(ends)) as (typeof expected)[];
    expect(more).toEqual([]);
    expect(tokens).toEqual(expected.map((token) => ({ ...token, logprob: closeTo(token.logprob) })));
  });

  test("are not told before the last chunk", async () => {
    expect(await describeIn([2])).toEqual([]);
  });
});

const closeTo = (value: number): unknown => (Number.isNaN(value) ? NaN : (expect.closeTo(value, 6) as unknown));
