import { expect, test } from "vitest";
import { complete } from "../support/engine.js";
import { completeReferences, fixtures } from "../support/reference.js";
import { certainTokens, farthest } from "./support/certain.js";
import { logitTolerance, startOnDevice } from "./support/device.js";

const details = { promptTokens: true, completionTokens: true, logprobs: true };
const models: readonly (readonly [folder: string, reference: string])[] = [
  [`${fixtures}/micro-gpt2`, `${fixtures}/micro-gpt2/reference.json`],
  [`${fixtures}/gpt2-vocab`, `${fixtures}/gpt2-vocab/reference.json`],
  ["models/tiny", `${fixtures}/tiny-reference.json`],
];

test.for(models)(
  "%s gives the reference's greedy tokens where their margin allows, with its logprobs",
  async (row, { annotate }) => {
    const [folder, file] = row;
    const { engine, model } = await startOnDevice(folder);
    const tolerance = logitTolerance(model);
    const ids: { given: number[]; wanted: number[] }[] = [];
    const distances: number[] = [];
    for (const { prompt, greedy, input_logprobs: ofPrompt } of completeReferences(file)) {
      const certain = certainTokens(greedy, tolerance);
      const completion = await complete(engine, { prompt, maxNewTokens: greedy.ids.length, details });
      const tokens = completion.tokens.slice(0, certain.length);
      ids.push({ given: tokens.map(({ id }) => id), wanted: certain.map(({ id }) => id) });
      distances.push(
        farthest(logprobsOf(tokens), logprobsOf(certain)),
        farthest(logprobsOf(completion.prompt.slice(1)), numbers(ofPrompt.slice(1))),
      );
    }
    const count = ids.reduce((sum, { wanted }) => sum + wanted.length, 0);
    expect(ids.map(({ given }) => given)).toEqual(ids.map(({ wanted }) => wanted));
    expect(count).toBeGreaterThan(50);
    expect(Math.max(...distances)).toBeLessThan(2 * tolerance); // the logit's, and that of the sum over all
    const precision = `${model.dtype} weights, ${model.kvDtype} cache`;
    await annotate(
      `${precision}: ${count} tokens the same, logprobs off by at most ${Math.max(...distances).toFixed(5)}`,
    );
  },
);

const logprobsOf = (tokens: readonly { readonly logprob: number }[]): number[] => tokens.map(({ logprob }) => logprob);
const numbers = (values: readonly (number | null)[]): number[] => values.map((value) => value ?? NaN);
