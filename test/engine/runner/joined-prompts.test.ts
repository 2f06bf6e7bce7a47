/** Prompts that run together, against each alone. */
import { describe, expect, test } from "vitest";
import { SessionRunner } from "../../../src/engine/runner/session-runner.js";
import { loadModel, type WeightDtype } from "../../../src/model/index.js";
import { fixture } from "../../support/checkpoints.js";
import { longContextCheckpoint } from "../../support/random-checkpoint.js";
import { Random } from "../../support/random.js";
import { areSameBits, openRunner, prefill } from "../../support/runners.js";

/** Lengths around the attention kernel's blocks of 16 queries, alike and far apart. */
const groups = [
  [1, 1],
  [1, 17],
  [16, 17, 18],
  [33, 2, 15, 31],
  [5, 5, 5, 5, 5, 5],
  [48, 1, 47, 64, 16, 80],
];
const slots = 7;
const sizes = { slots, maxLength: 96, maxPrefillTokens: 7 * 96 };

const random = new Random(3);
const promptOf = (length: number): number[] => Array.from({ length }, () => random.integer(1, 600));

/**
 * Whether each prompt's logits, and those behind it, are the bits that it gives alone.
 * @param lengths of prompts that go into the rows from 1 on.
 */
async function areAsAlone(folder: string, dtype: WeightDtype, lengths: readonly number[]): Promise<boolean[]> {
  const longest = Math.max(...lengths);
  const maxLength = longest + 16;
  const sizes = { slots: lengths.length + 1, maxLength, maxPrefillTokens: lengths.length * maxLength };
  using model = await loadModel({ folder, threads: 2, isSpinning: false, dtype });
  const { session, shape, kvDtype, selection } = model;
  using runner = new SessionRunner(session, shape, { ...sizes, kvDtype, selection });
  const prompts = lengths.map(promptOf);
  const rows = prompts.map(({ length }) => ({ tokenId: 7, position: length }));
  const decode = async (): Promise<Float32Array[]> => {
    const result = await runner.decode(1, rows);
    return rows.map((_, row) => result.logits(row).slice());
  };
  const alone: Float32Array[] = [];
  for (const [index, prompt] of prompts.entries()) alone.push(await prefill(runner, index + 1, prompt));
  const expected = [...alone, ...(await decode())];

  for (const slot of rows.keys()) await prefill(runner, slot + 1, promptOf(longest + 10)); // nothing of before is left
  const result = await runner.prefillTogether(1, prompts);
  const together = prompts.map((_, row) => result.logits(row).slice());
  const found = [...together, ...(await decode())];
  return expected.map((row, index) => areSameBits(row, found[index] ?? new Float32Array()));
}

describe.each(["float32", "int8", "int8-block", "int4"] as const)("in %s", (dtype) => {
  test.each(groups)(
    "prompts of %i, %i, ... tokens give the bits that each gives alone, and so does what follows",
    async (...lengths) => {
      expect(await areAsAlone(fixture("micro-gpt2"), dtype, lengths)).not.toContain(false);
    },
  );

  test("so do prompts of several blocks of the cache", async () => {
    expect(await areAsAlone(await longContextCheckpoint(), dtype, [600, 1100, 595])).not.toContain(false);
  });
});

test("rows beside those of the prompts keep what they hold", async () => {
  using opened = await openRunner(fixture("micro-gpt2"), sizes);
  const { runner } = opened;
  const held = promptOf(40);
  const after = async (slot: number): Promise<Float32Array> =>
    (await runner.decode(slot, [{ tokenId: 7, position: 40 }])).logits(0).slice();
  for (const slot of [1, 4]) await prefill(runner, slot, held);
  const expected = [await after(1), await after(4)];
  await runner.prefillTogether(2, [promptOf(3), promptOf(60)]);
  const found = [await after(1), await after(4)];
  expect(found.map((row, index) => areSameBits(row, expected[index] ?? new Float32Array()))).toEqual([true, true]);
});
