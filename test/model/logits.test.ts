import { expect, test } from "vitest";
import { SessionRunner } from "../../src/engine/runner/session-runner.js";
import { loadModel } from "../../src/model/index.js";
import { completeReferences, fixtures, type CompleteReference } from "../support/reference.js";

const tolerance = 1e-4;
/** Folder, reference outputs, and how far the weights' own rounding may move a logit. */
const checkpoints: readonly (readonly [folder: string, reference: string, rounding: number])[] = [
  [`${fixtures}/micro-gpt2`, `${fixtures}/micro-gpt2/reference.json`, 0],
  [`${fixtures}/micro-gpt2-sharded`, `${fixtures}/micro-gpt2/reference.json`, 0],
  [`${fixtures}/micro-gpt2-bin`, `${fixtures}/micro-gpt2/reference.json`, 0],
  [`${fixtures}/micro-gpt2-bin-base`, `${fixtures}/micro-gpt2/reference.json`, 0],
  [`${fixtures}/micro-gpt2-caikit`, `${fixtures}/micro-gpt2/reference.json`, 0],
  [`${fixtures}/micro-gpt2-f16`, `${fixtures}/micro-gpt2/reference.json`, 0.01],
  [`${fixtures}/micro-gpt2-bf16`, `${fixtures}/micro-gpt2/reference.json`, 0.1],
  [`${fixtures}/gpt2-vocab`, `${fixtures}/gpt2-vocab/reference.json`, 0],
  ["models/tiny", `${fixtures}/tiny-reference.json`, 0],
];

test.for(checkpoints)("the logits of %s are the reference's", async ([folder, reference, rounding]) => {
  using model = await loadModel({ folder, threads: 2, isSpinning: false });
  const { session, shape } = model;
  using runner = new SessionRunner(session, shape, { slots: 1, maxLength: shape.positions, maxPrefillTokens: 512 });
  const differences: number[] = [];
  for (const prompt of completeReferences(reference)) {
    const run = { slot: 0, tokenIds: prompt.input_ids, start: 0, end: prompt.input_ids.length } as const;
    const logits = (await runner.prefill({ ...run, wanted: "last" })).logits(0);
    differences.push(...compare(logits, prompt));
  }
  expect(differences.length).toBeGreaterThan(100);
  expect(Math.max(...differences)).toBeLessThan(tolerance + rounding);
});

/** Distances to the reference: each of the 20 best logits, their log-sum-exp, and the mean of all. */
function compare(logits: Float32Array, prompt: CompleteReference): number[] {
  const best = prompt.last_logits_top20.map(([id, logit]) => Math.abs((logits[id] ?? NaN) - logit));
  const highest = Math.max(...logits);
  const logSumExp = highest + Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit - highest), 0));
  const mean = logits.reduce((sum, logit) => sum + logit, 0) / logits.length;
  return [
    ...best,
    Math.abs(logSumExp - prompt.last_logsumexp),
    Math.abs(mean - prompt.last_logits_sum / logits.length),
  ];
}
