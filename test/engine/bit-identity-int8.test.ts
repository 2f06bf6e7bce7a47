/**
 * With an int8 KV cache a position has the same bits whatever computed it (docs/decisions/0017-int8.md), in every
 * precision of the weights. Bits are compared, not numbers within a tolerance.
 */
import { describe, expect, test } from "vitest";
import { SessionRunner } from "../../src/engine/runner/session-runner.js";
import { float32Products } from "../../src/model/graph/products.js";
import { architectureOf, openCheckpoint } from "../../src/model/index.js";
import { Session } from "../../src/ort/index.js";
import { disturb, targets } from "../support/disturbance.js";
import { complete, startTestEngine, type Completion } from "../support/engine.js";
import { openPreciseRunner, smallPrecisions } from "../support/precisions.js";
import { longContextCheckpoint, wideHeadsCheckpoint } from "../support/random-checkpoint.js";
import { Random } from "../support/random.js";
import { areSameBits } from "../support/runners.js";

const promptLength = 600;
const random = new Random(1);
const tokenIds = Array.from({ length: 2 * promptLength }, () => random.integer(1, 600));
const slots = 4;

/** Prefills the tokens [0, last end) in chunks that end at `ends`; the last position's logits. */
async function prefill(runner: SessionRunner, slot: number, ends: readonly number[]): Promise<Float32Array> {
  let start = 0;
  let logits = new Float32Array(0);
  for (const end of ends) {
    const wanted = end === ends.at(-1) ? "last" : "none";
    const result = await runner.prefill({ slot, tokenIds, start, end, wanted });
    if (wanted === "last") logits = result.logits(0).slice();
    start = end;
  }
  return logits;
}

function chunkEnds(end: number, size: number): number[] {
  return [...Array.from({ length: Math.ceil(end / size) - 1 }, (_, index) => (index + 1) * size), end];
}

/** The token at `position` in the rows [0, rows), as a decode step: each row's logits. */
async function decode(runner: SessionRunner, rows: number, position: number): Promise<Float32Array[]> {
  const row = { tokenId: tokenIds[position] ?? 0, position };
  const result = await runner.decode(
    0,
    Array.from({ length: rows }, () => row),
  );
  return Array.from({ length: rows }, (_, index) => result.logits(index).slice());
}

const name = ({ dtype, kvDtype }: (typeof smallPrecisions)[number]): string => `${dtype} weights and ${kvDtype} cache`;

describe.each(smallPrecisions.map((precision) => ({ name: name(precision), precision })))("$name", ({ precision }) => {
  test("a position has the same bits in one piece, in chunks, as one of several, decoded alone or among others", async () => {
    for (const [folder, end] of [
      [await longContextCheckpoint(), promptLength],
      [await wideHeadsCheckpoint(), 200],
    ] as const) {
      using opened = await openPreciseRunner(folder, precision, { slots });
      const { runner } = opened;
      const whole = await prefill(runner, 0, [end]);
      const found: Float32Array[] = [];
      for (const size of [17, end - 1]) found.push(await prefill(runner, 1, chunkEnds(end, size)));
      found.push(await prefill(runner, 1, [end - 20, ...chunkEnds(20, 1).map((each) => end - 20 + each)]));
      for (let slot = 0; slot < slots; slot += 1) await prefill(runner, slot, chunkEnds(end - 4, 60 + slot));
      const run = { slot: slots - 1, tokenIds, start: end - 4, end, wanted: "all" } as const;
      found.push((await runner.prefill(run)).logits(3).slice()); // four tokens at once, as a verification does
      for (const position of [end - 4, end - 3, end - 2]) await decode(runner, slots, position);
      for (const rows of [1, 2, slots]) found.push(...(await decode(runner, rows, end - 1)));
      expect(found.map((logits) => areSameBits(logits, whole))).toEqual(found.map(() => true));
    }
  });

  test("1, 2 and 16 threads give the same bits, whatever the number of heads", async () => {
    const results: Float32Array[][] = [];
    for (const threads of [1, 2, 16]) {
      using opened = await openPreciseRunner(await longContextCheckpoint(), precision, { threads });
      const whole = await prefill(opened.runner, 0, [promptLength]);
      results.push([whole, ...(await decode(opened.runner, 1, promptLength))]);
    }
    const [first = []] = results;
    const same = results.map((each) =>
      each.map((logits, index) => areSameBits(logits, first[index] ?? new Float32Array())),
    );
    expect(same).toEqual(results.map(() => [true, true]));
  });

  test("answers are the same bits alone and among others that come and go", async () => {
    const folder = await longContextCheckpoint();
    const alone: Completion[] = [];
    {
      using running = await startTestEngine(folder, { ...precision, maxSlots: 1, threads: 1 });
      for (const target of targets) alone.push(await complete(running.engine, target));
    }
    for (const { others, ...options } of [
      { others: 5, prefillChunkTokens: 16, threads: 16 },
      { others: 12, prefillChunkTokens: 64, threads: 2 },
    ]) {
      using running = await startTestEngine(folder, { ...precision, maxSlots: 8, ...options });
      const answers = Promise.all(targets.map((target) => complete(running.engine, target)));
      await Promise.all([answers, disturb(running.engine, others, answers)]);
      expect(await answers).toEqual(alone);
    }
  });
});

describe("flash attention", () => {
  /** The logits of a decode behind a long context, with a float32 model and an int8 cache. */
  async function decoded(threads: number, isFlashAttentionOff: boolean): Promise<Float32Array> {
    const checkpoint = await openCheckpoint(await longContextCheckpoint());
    const blueprint = architectureOf(checkpoint).read(checkpoint);
    const { shape } = blueprint;
    const scales = Array.from({ length: shape.layers }, () =>
      new Float32Array(shape.kvHeads * shape.headDim).fill(0.05),
    );
    const graph = blueprint.buildGraph({ products: float32Products, kvScales: { key: scales, value: scales } });
    const options = { externalDataFolder: checkpoint.folder, threads, isSpinning: false, isFlashAttentionOff };
    using session = await Session.create(graph, options);
    const sizes = { slots: 1, maxLength: shape.positions, maxPrefillTokens: tokenIds.length };
    using runner = new SessionRunner(session, shape, { ...sizes, kvDtype: "int8" });
    await prefill(runner, 0, [tokenIds.length]);
    const [logits = new Float32Array()] = await decode(runner, 1, tokenIds.length);
    return logits;
  }

  test("gives other bits with more threads than heads, which is why it is off with an int8 cache", async () => {
    const [flashOne, flashMany] = [await decoded(1, false), await decoded(16, false)];
    const [plainOne, plainMany] = [await decoded(1, true), await decoded(16, true)];
    expect([areSameBits(flashOne, flashMany), areSameBits(plainOne, plainMany)]).toEqual([false, true]);
  });

  test("is switched off for one session, not for those made at the same time or later", async () => {
    const before = process.env["ORT_GQA_DISABLE_FLASH_ATTENTION"];
    const [plain, flash, alsoPlain] = await Promise.all([decoded(1, true), decoded(1, false), decoded(1, true)]);
    expect([areSameBits(plain, alsoPlain), areSameBits(plain, flash)]).toEqual([true, false]);
    expect(process.env["ORT_GQA_DISABLE_FLASH_ATTENTION"]).toBe(before);
  });
});
