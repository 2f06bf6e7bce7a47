import { expect, test } from "vitest";
import { complete, startTestEngine } from "../support/engine.js";
import { completeReferences, fixtures, type ReferenceCompletion } from "../support/reference.js";

const tolerance = 1e-4;
const details = { promptTokens: true, completionTokens: true, logprobs: true, ranks: true, topN: 5 };

const micro = `${fixtures}/micro-gpt2/reference.json`;
const exact: readonly (readonly [folder: string, reference: string])[] = [
  [`${fixtures}/micro-gpt2`, micro],
  [`${fixtures}/micro-gpt2-sharded`, micro],
  [`${fixtures}/micro-gpt2-bin`, micro],
  [`${fixtures}/micro-gpt2-bin-base`, micro],
  [`${fixtures}/micro-gpt2-caikit`, micro],
  [`${fixtures}/gpt2-vocab`, `${fixtures}/gpt2-vocab/reference.json`],
  ["models/tiny", `${fixtures}/tiny-reference.json`],
];

test.for(exact)("%s generates the reference's greedy tokens, with its logprobs and ranks", async ([folder, file]) => {
  using running = await startTestEngine(folder);
  const prompts = completeReferences(file);
  const completions = await Promise.all(
    prompts.map(({ prompt, greedy }) => complete(running.engine, { prompt, maxNewTokens: greedy.ids.length, details })),
  );
  expect(completions.length).toBe(prompts.length);
  for (const [index, expected] of prompts.entries()) {
    const { text = "", tokens = [], prompt = [] } = completions[index] ?? {};
    expect(tokens.map(({ id }) => id)).toEqual(expected.greedy.ids);
    expect(text).toBe(expected.greedy.text.replace(/\ufffd+$/, ""));
    expectLogprobs(tokens, expected.greedy);
    expect(prompt.map(({ id }) => id)).toEqual(expected.input_ids);
    expect(prompt.map(({ rank }) => rank)).toEqual(expected.input_ranks.map((rank) => rank ?? 0));
    expectClose(
      prompt.slice(1).map(({ logprob }) => logprob),
      expected.input_logprobs.slice(1),
    );
    expect(prompt[0]?.logprob).toBeNaN();
  }
});

test.for(exact)("%s applies the repetition penalty as the reference does", async ([folder, file]) => {
  using running = await startTestEngine(folder);
  const prompts = completeReferences(file);
  for (const { prompt, "repetition_penalty_1.3": expected } of prompts) {
    const asked = { prompt, maxNewTokens: expected.ids.length, repetitionPenalty: 1.3, details };
    const { tokens } = await complete(running.engine, asked);
    expect(tokens.map(({ id }) => id)).toEqual(expected.ids);
    expectLogprobs(tokens, expected);
  }
});

test("top tokens are the reference's five best, in order", async () => {
  using running = await startTestEngine(`${fixtures}/micro-gpt2`);
  for (const { prompt, greedy } of completeReferences(micro)) {
    const { tokens } = await complete(running.engine, { prompt, maxNewTokens: greedy.ids.length, details });
    expect(tokens.map(({ top }) => top.slice(0, 5).map(({ id }) => id))).toEqual(
      greedy.tokens.map(({ top5 }) => top5.map(([id]) => id)),
    );
  }
});

test("without details the tokens come from the graph's own choice, and the text is the same", async () => {
  using running = await startTestEngine("models/tiny");
  for (const { prompt, greedy } of completeReferences(`${fixtures}/tiny-reference.json`)) {
    const { text, completionTokens } = await complete(running.engine, { prompt, maxNewTokens: greedy.ids.length });
    expect([text, completionTokens]).toEqual([greedy.text.replace(/\ufffd+$/, ""), greedy.ids.length]);
  }
});

function expectLogprobs(tokens: readonly { logprob: number; rank: number }[], expected: ReferenceCompletion): void {
  expectClose(
    tokens.map(({ logprob }) => logprob),
    expected.tokens.map(({ logprob }) => logprob),
  );
  expect(tokens.map(({ rank }) => rank)).toEqual(expected.tokens.map(({ rank }) => rank));
}

function expectClose(actual: readonly number[], expected: readonly (number | null)[]): void {
  const distances = expected.map((value, index) => Math.abs((actual[index] ?? NaN) - (value ?? NaN)));
  expect(actual.length).toBe(expected.length);
  expect(Math.max(0, ...distances)).toBeLessThan(tolerance);
}
