import { describe, expect, test } from "vitest";
import { stopAfterToken, type GenerationState } from "../../src/engine/stopping.js";

const rules = { minNewTokens: 0, maxNewTokens: 10, isTokenLimited: false };
const eosTokenIds = new Set([7, 8]);
const state: GenerationState = { completionTokens: 3, lastTokenId: 1, nowMs: 1000, deadlineMs: undefined };
const noMatch = (): undefined => undefined;
const match = (): string => "\n\n";
/** A criterion before it decided, so the text must not be looked at and cut. */
const mustNotLook = (): never => {
  throw new Error("the text was searched");
};

describe("a sequence", () => {
  test("goes on while nothing ends it", () => {
    expect(stopAfterToken(rules, state, eosTokenIds, noMatch)).toBeUndefined();
  });

  test("ends at a stop sequence, and names it", () => {
    expect(stopAfterToken(rules, state, eosTokenIds, match)).toEqual({ reason: "stop-sequence", sequence: "\n\n" });
  });

  test.each([7, 8])("ends at any end-of-text token: %i", (lastTokenId) => {
    expect(stopAfterToken(rules, { ...state, lastTokenId }, eosTokenIds, mustNotLook)).toEqual({ reason: "eos" });
  });

  test("ends at its maximum of tokens, and says when that had been lowered to fit", () => {
    const full = { ...state, completionTokens: 10 };
    expect(stopAfterToken(rules, full, eosTokenIds, mustNotLook)).toEqual({ reason: "max-tokens" });
    const lowered = { ...rules, isTokenLimited: true };
    expect(stopAfterToken(lowered, full, eosTokenIds, mustNotLook)).toEqual({ reason: "token-limit" });
    expect(stopAfterToken(rules, { ...full, completionTokens: 9 }, eosTokenIds, noMatch)).toBeUndefined();
  });

  test("ends when its deadline has come", () => {
    const ended = (deadlineMs: number): unknown =>
      stopAfterToken(rules, { ...state, deadlineMs }, eosTokenIds, noMatch)?.reason;
    expect([999, 1000, 1001].map(ended)).toEqual(["time-limit", "time-limit", undefined]);
  });
});

describe("of several reasons", () => {
  const last = { ...state, completionTokens: 10, lastTokenId: 7, deadlineMs: 1000 };

  test("the deadline counts first, even below the minimum of tokens", () => {
    expect(stopAfterToken({ ...rules, minNewTokens: 11 }, last, eosTokenIds, mustNotLook)?.reason).toBe("time-limit");
  });

  test("none counts below the minimum of tokens", () => {
    const short = { ...state, lastTokenId: 7 };
    expect(stopAfterToken({ ...rules, minNewTokens: 4 }, short, eosTokenIds, mustNotLook)).toBeUndefined();
    expect(stopAfterToken({ ...rules, minNewTokens: 3 }, short, eosTokenIds, mustNotLook)?.reason).toBe("eos");
  });

  test("the end-of-text token counts before the maximum of tokens", () => {
    expect(stopAfterToken(rules, { ...last, deadlineMs: 2000 }, eosTokenIds, mustNotLook)?.reason).toBe("eos");
  });
});
