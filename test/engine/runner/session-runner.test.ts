import { describe, expect, test } from "vitest";
import type { SessionRunner } from "../../../src/engine/runner/session-runner.js";
import { liveTensors, OrtCallError } from "../../../src/ort/index.js";
import { fixture, temporaryFolder } from "../../support/checkpoints.js";
import { blocked } from "../../support/logits.js";
import { Random } from "../../support/random.js";
import { areSameBits, decode, distance, openRunner, prefill } from "../../support/runners.js";
import { smallGpt2, writeGpt2 } from "../../support/small-gpt2.js";

const micro = fixture("micro-gpt2");
const tolerance = 1e-4;
const random = new Random(1);
const tokenIds = Array.from({ length: 96 }, () => random.integer(1, 600));
const tokenAt = (position: number): number => tokenIds[position] ?? 0;
const next = (position: number) => ({ tokenId: tokenAt(position), position });
const empty = { tokenId: 0, position: 0 };

describe("a run", () => {
  test("of one token after a prompt gives the logits of the longer prompt", async () => {
    using opened = await openRunner(micro);
    const { runner } = opened;
    const distances: number[] = [];
    for (const length of [1, 2, 15, 16, 17, 18, 40, 95]) {
      await prefill(runner, 0, tokenIds.slice(0, length));
      const [decoded = []] = await decode(runner, [next(length)]);
      distances.push(distance(decoded, await prefill(runner, 1, tokenIds.slice(0, length + 1))));
    }
    expect(Math.max(...distances)).toBeLessThan(tolerance);
  });

  test("gives the logits of every prompt position when all are wanted, chunk by chunk", async () => {
    using opened = await openRunner(micro);
    const { runner } = opened;
    const distances: number[] = [];
    for (const [start, end] of [
      [0, 7],
      [7, 24],
      [24, 41],
    ] as const) {
      const result = await runner.prefill({ slot: 0, tokenIds, start, end, wanted: "all" });
      for (let position = start; position < end; position += 1) {
        const alone = await prefill(runner, 1, tokenIds.slice(0, position + 1));
        distances.push(distance(result.logits(position - start), alone)); // still readable after another run
      }
    }
    expect([distances.length, Math.max(...distances) < tolerance]).toEqual([41, true]);
  });

  test("gives the highest logit of each block of each row", async () => {
    using opened = await openRunner(micro);
    const { runner } = opened;
    for (const slot of [0, 1, 2]) await prefill(runner, slot, tokenIds.slice(slot, 10));
    const result = await runner.decode(0, [next(10), next(9), next(8)]);
    for (const row of [0, 1, 2]) expect(result.blockMaxima(row)).toEqual(blocked(result.logits(row)).maxima);
  });

  test("that fails rejects, and leaves what was cached before it", async () => {
    using opened = await openRunner(micro);
    const { runner } = opened;
    await prefill(runner, 0, tokenIds.slice(0, 20));
    const expected = await decode(runner, [next(20)]);
    const unknown = [...tokenIds.slice(0, 20), 600];
    const failing = runner.prefill({ slot: 0, tokenIds: unknown, start: 20, end: 21, wanted: "last" });
    await expect(failing).rejects.toThrow(OrtCallError);
    await expect(runner.decode(0, [{ tokenId: 600, position: 20 }])).rejects.toThrow(OrtCallError);
    const after = await decode(runner, [next(20)]);
    expect(after.map((row, index) => areSameBits(row, expected[index] ?? new Float32Array()))).toEqual([true]);
  });
});

describe("slots", () => {
  test("hold what they held after a move, to the bit", async () => {
    using opened = await openRunner(micro);
    const { runner } = opened;
    await prefill(runner, 2, tokenIds.slice(0, 30));
    const rows = [empty, empty, next(30)];
    const [, , stayed = new Float32Array()] = await decode(runner, rows);
    await prefill(runner, 0, tokenIds.slice(40, 90)); // what a finished sequence leaves in the slot
    runner.copy(2, 0, 30);
    const [moved = new Float32Array()] = await decode(runner, [next(30)]);
    expect(areSameBits(moved, stayed)).toBe(true);
  });

  test("beside a row without a sequence give what they give without it, to the bit", async () => {
    using opened = await openRunner(micro);
    const { runner } = opened;
    for (const slot of [0, 1, 2]) await prefill(runner, slot, tokenIds.slice(slot, 50));
    const full = await decode(runner, [next(50), next(49), next(48)]);
    const holed = await decode(runner, [next(50), empty, next(48)]);
    const alone = await decode(runner, [next(50)]);
    const pairs = [
      [full[0], holed[0]],
      [full[2], holed[2]],
      [full[0], alone[0]],
    ] as const;
    expect(pairs.map(([a, b]) => a !== undefined && b !== undefined && areSameBits(a, b))).toEqual([true, true, true]);
  });
});

describe("memory that was never written, or by another sequence", () => {
  /** Token 1 makes NaN of every key and value; the head is whole, so that logits are NaN by their hidden state alone. */
  async function poisonous(): Promise<string> {
    const model = smallGpt2({ n_positions: 640, tie_word_embeddings: false });
    const width = model.fields.n_embd;
    model.tensors.get("wte.weight")?.values.fill(NaN, width, 2 * width);
    const folder = await temporaryFolder();
    await writeGpt2(folder, model);
    return folder;
  }
  const poison = new Array<number>(640).fill(1);
  const lengths = [1, 2, 15, 16, 17, 33, 511, 512, 513, 600];
  const prompt = Array.from({ length: 640 }, () => random.integer(2, 64));

  async function answers(runner: SessionRunner): Promise<Float32Array[]> {
    const all: Float32Array[] = [];
    for (const length of lengths) {
      all.push(await prefill(runner, 1, prompt.slice(0, length)));
      const row = { tokenId: 5, position: length };
      all.push(...(await decode(runner, [empty, row, empty])).slice(1, 2));
      runner.copy(1, 0, length + 1);
      all.push(...(await decode(runner, [{ tokenId: 6, position: length + 1 }])));
    }
    return all;
  }

  test("never reaches a result, not even as NaN", async () => {
    const folder = await poisonous();
    using clean = await openRunner(folder);
    const expected = await answers(clean.runner);
    using poisoned = await openRunner(folder);
    const found: Float32Array[] = [];
    for (const slot of [0, 1, 2]) found.push(await prefill(poisoned.runner, slot, poison));
    expect(found.every((row) => row.every((logit) => Number.isNaN(logit)))).toBe(true); // the poison works
    const actual = await answers(poisoned.runner);
    expect(actual.map((row) => row.some((logit) => Number.isNaN(logit)))).toEqual(expected.map(() => false));
    expect(actual.map((row, index) => areSameBits(row, expected[index] ?? new Float32Array()))).toEqual(
      expected.map(() => true),
    );
  });

  test("gives a row of NaN maxima that no logit has", async () => {
    using poisoned = await openRunner(await poisonous());
    const run = { slot: 0, tokenIds: [1, 1], start: 0, end: 2, wanted: "last" } as const;
    const result = await poisoned.runner.prefill(run);
    expect(result.blockMaxima(0)).toEqual(blocked(result.logits(0)).maxima);
    expect(new Set(result.blockMaxima(0)).size).toBe(1);
  });
});

test("a runner that is disposed leaves no tensor behind", async () => {
  const before = liveTensors();
  {
    using opened = await openRunner(micro);
    const { runner } = opened;
    const run = { slot: 1, tokenIds, start: 0, end: 40 } as const;
    for (const wanted of ["none", "last", "all"] as const) await runner.prefill({ ...run, wanted });
    await decode(runner, [empty, next(40)]);
    await decode(runner, [empty]);
    runner.copy(1, 0, 40);
    const unknown = { slot: 0, tokenIds: [600], start: 0, end: 1, wanted: "all" } as const;
    await expect(runner.prefill(unknown)).rejects.toThrow(OrtCallError);
    expect(liveTensors()).toBeGreaterThan(before);
  }
  expect(liveTensors()).toBe(before);
});
