import { describe, expect, test } from "vitest";
import { temporaryFolder } from "../../support/checkpoints.js";
import { naiveLogits, type Vector } from "../../support/naive-gpt2.js";
import { int8Product } from "../../support/naive-int8.js";
import { openPreciseRunner } from "../../support/precisions.js";
import { Random } from "../../support/random.js";
import { distance } from "../../support/runners.js";
import { smallGpt2, writeGpt2, type SmallGpt2 } from "../../support/small-gpt2.js";

const random = new Random(2);
const tokenIds = Array.from({ length: 30 }, () => random.integer(0, 64));

/** The logits after each token, with a float32 cache: nothing but the products is quantised. */
async function logitsOf(model: SmallGpt2): Promise<Float32Array[]> {
  const folder = await temporaryFolder();
  await writeGpt2(folder, model);
  using opened = await openPreciseRunner(folder, { dtype: "int8", kvDtype: "float32" });
  const run = { slot: 0, tokenIds, start: 0, end: tokenIds.length, wanted: "all" } as const;
  const result = await opened.runner.prefill(run);
  return tokenIds.map((_, row) => result.logits(row).slice());
}

/** Distances of each token's logits, the nearest first. */
const distances = (logits: readonly Float32Array[], naive: readonly Vector[]): number[] =>
  naive.map((row, index) => distance(logits[index] ?? [], row)).toSorted((a, b) => a - b);

/**
 * The naive model adds up in another order, and a number that lies between two codes may get the other one: a row or
 * two may therefore differ by a step, the others by rounding only.
 */
function expectSame(logits: readonly Float32Array[], naive: readonly Vector[]): void {
  const sorted = distances(logits, naive);
  expect(sorted[27]).toBeLessThan(1e-5);
  expect(sorted.at(-1)).toBeLessThan(0.05);
}

describe("a model in int8 by row and column", () => {
  test("computes what the naive model does in the same arithmetic, and not what it does in float", async () => {
    const model = smallGpt2();
    const logits = await logitsOf(model);
    expectSame(logits, naiveLogits(model, tokenIds, int8Product));
    expect(distances(logits, naiveLogits(model, tokenIds))[3]).toBeGreaterThan(1e-3);
  });

  test("has a head of its own in int8 too, and other widths", async () => {
    const model = smallGpt2({ tie_word_embeddings: false, n_inner: 40, n_head: 4, activation_function: "relu" });
    expectSame(await logitsOf(model), naiveLogits(model, tokenIds, int8Product));
  });

  test("divides by no zero: columns and rows of nothing but zeros are zeros", async () => {
    const model = smallGpt2();
    const inner = model.tensors.get("h.0.mlp.c_fc.weight")?.values ?? new Float32Array();
    for (let row = 0; row < 32; row += 1) inner.fill(0, row * 128, row * 128 + 5); // the first five columns
    model.tensors.get("wte.weight")?.values.fill(0, 7 * 32, 8 * 32); // a token's column of the head
    for (const part of ["weight", "bias"]) model.tensors.get(`h.1.ln_1.${part}`)?.values.fill(0); // rows of activations
    const logits = await logitsOf(model);
    expectSame(logits, naiveLogits(model, tokenIds, int8Product));
    expect(logits.map((row) => row[7])).toEqual(tokenIds.map(() => 0));
  });
});
