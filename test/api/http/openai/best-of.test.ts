import { expect, test } from "vitest";
import type { Generation } from "../../../../src/api/fold.js";
import { bestOf } from "../../../../src/api/http/openai/best-of.js";

/** A generation of tokens with these log-probabilities. */
function generation(text: string, ...logprobs: readonly number[]): Generation {
  const completionTokenDetails = logprobs.map((logprob) => ({ id: 1, piece: "", logprob, rank: 0, top: [] }));
  const counts = { promptTokens: 1, completionTokens: logprobs.length, promptTokenDetails: [], seed: 0n };
  return { text, stop: { reason: "eos" }, completionTokenDetails, ...counts };
}

const told = (chosen: readonly Generation[]): string => chosen.map(({ text }) => text).join(" ");

test("the best have the highest log-probability per token, whatever their length", () => {
  const candidates = [generation("long", -1, -1, -1, -1), generation("short", -2), generation("even", -3, 0)];
  expect(told(bestOf(candidates, 3, 2))).toBe("long even");
});

test("each prompt has its own best ones", () => {
  const first = [generation("a", -3), generation("b", -1)];
  const second = [generation("c", -5), generation("d", -6)];
  expect(told(bestOf([...first, ...second], 2, 1))).toBe("b c");
});

test("of equals the earlier comes first, and one without tokens comes last", () => {
  const candidates = [generation("none"), generation("a", -1), generation("b", -1, -1), generation("nothing")];
  expect(told(bestOf(candidates, 4, 3))).toBe("a b none");
});

test("all are told in their order when none is to be left out", () => {
  expect(told(bestOf([generation("a", -3), generation("b", -1)], 2, 2))).toBe("a b");
});
