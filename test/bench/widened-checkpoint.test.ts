/** A widened checkpoint against what transformers computes on its source. */
import path from "node:path";
import { describe, expect, test } from "vitest";
import { gpt2Small } from "../../bench/checkpoint.js";
import { widenedCheckpoint } from "../../bench/widened-checkpoint.js";
import { widenedTensors, type WidenedSizes } from "../../bench/widened-weights.js";
import { gpt2Weights, parseGpt2Config } from "../../src/model/architectures/gpt2-config.js";
import { openCheckpoint } from "../../src/model/checkpoint/checkpoint.js";
import { temporaryFolder } from "../support/checkpoints.js";
import { complete, startTestEngine } from "../support/engine.js";
import { completeReferences, fixtures } from "../support/reference.js";

const tolerance = 1e-4;
const details = { promptTokens: true, completionTokens: true, logprobs: true, ranks: true };

const widened: readonly (readonly [source: string, reference: string, sizes: WidenedSizes])[] = [
  [
    `${fixtures}/micro-gpt2`,
    `${fixtures}/micro-gpt2/reference.json`,
    { layers: 5, width: 192, vocabularySize: 1000 }, // three times as wide: no power of two, so that divisions round
  ],
  ["models/tiny", `${fixtures}/tiny-reference.json`, { layers: 7, width: 512, vocabularySize: 5000 }],
];

describe.for(widened)("%s, widened,", ([source, reference, sizes]) => {
  const prompts = completeReferences(reference);

  test("generates its greedy tokens, with its log-probabilities and ranks", async () => {
    using running = await startTestEngine(await widenedCheckpoint(await temporaryFolder(), source, sizes));
    const completions = await Promise.all(
      prompts.map(({ prompt, greedy }) =>
        complete(running.engine, { prompt, maxNewTokens: greedy.ids.length, details }),
      ),
    );
    const tokens = completions.map((completion) => completion.tokens);
    expect(running.model.shape).toMatchObject({ layers: sizes.layers, vocabularySize: sizes.vocabularySize });
    expect(tokens.map((list) => list.map(({ id }) => id))).toEqual(prompts.map(({ greedy }) => greedy.ids));
    const wanted = prompts.flatMap(({ greedy, input_logprobs: prompt }) => [
      ...prompt.slice(1),
      ...greedy.tokens.map(({ logprob }) => logprob),
    ]);
    const found = completions.flatMap(({ prompt, tokens }) => [...prompt.slice(1), ...tokens]);
    const distances = found.map(({ logprob }, index) => Math.abs(logprob - (wanted[index] ?? NaN)));
    expect(found.length).toBe(wanted.length);
    expect(Math.max(...distances)).toBeLessThan(tolerance);
    expect(completions.flatMap(({ prompt }) => prompt.map(({ rank }) => rank))).toEqual(
      prompts.flatMap(({ input_ranks: ranks }) => ranks.map((rank) => rank ?? 0)),
    );
  });
});

test("draws what its source draws, at any temperature: the tokens that it has more are never drawn", async () => {
  const source = `${fixtures}/micro-gpt2`;
  const sizes = { layers: 4, width: 128, vocabularySize: 50_000 };
  using original = await startTestEngine(source);
  using wider = await startTestEngine(await widenedCheckpoint(await temporaryFolder(), source, sizes));
  const asked = { prompt: "the", method: "sample", temperature: 2, seed: 3n, maxNewTokens: 60 } as const;
  const [expected, found] = [await complete(original.engine, asked), await complete(wider.engine, asked)];
  expect(found.text).toBe(expected.text);
});

test("the shipped model becomes a GPT-2 of 124M parameters, less the positions that it lacks", async () => {
  const checkpoint = await openCheckpoint("models/tiny");
  const config = parseGpt2Config(checkpoint.config);
  const tensors = widenedTensors(config, gpt2Weights(config, checkpoint.tensors), gpt2Small);
  const parameters = tensors.reduce((sum, { shape }) => sum + shape.reduce((product, size) => product * size, 1), 0);
  expect(parameters).toBe(124_439_808 - (1024 - 512) * 768);
});

test.each([
  [{ layers: 3, width: 96, vocabularySize: 600 }, "a width of 64 cannot be widened to 96"],
  [{ layers: 3, width: 64, vocabularySize: 600 }, "a width of 64 cannot be widened to 64"],
  [{ layers: 2, width: 128, vocabularySize: 600 }, "3 layers and 600 tokens can become more, not fewer"],
])("sizes that are no multiple, or less, are refused: %j", async (sizes, message) => {
  const folder = path.join(await temporaryFolder(), "new");
  await expect(widenedCheckpoint(folder, `${fixtures}/micro-gpt2`, sizes)).rejects.toThrow(message);
});
