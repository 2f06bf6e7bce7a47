/** A graph that selects nothing, driven on the CPU and on a device whose memory JavaScript cannot see. */
import { describe, expect, test } from "vitest";
import type { RunResult } from "../../../src/engine/runner/runner.js";
import { liveTensors } from "../../../src/ort/index.js";
import { fixture } from "../../support/checkpoints.js";
import { onFakeDevice } from "../../support/fake-device.js";
import { Random } from "../../support/random.js";
import { areSameBits, openRunner, type TestRunner } from "../../support/runners.js";

const micro = fixture("micro-gpt2");
const random = new Random(3);
const tokenIds = Array.from({ length: 60 }, () => random.integer(1, 600));
const next = (position: number) => ({ tokenId: tokenIds[position] ?? 0, position });

/** Logits of all kinds of runs; rows are read in any order. */
async function logitsOf({ runner }: TestRunner): Promise<Float32Array[]> {
  const run = { slot: 0, tokenIds } as const;
  const read = (result: RunResult, rows: readonly number[]) => rows.map((row) => result.logits(row).slice());
  await runner.prefill({ ...run, start: 0, end: 12, wanted: "none" });
  const all = read(await runner.prefill({ ...run, start: 12, end: 30, wanted: "all" }), [17, 0, 9]); // more than slots
  const last = read(await runner.prefill({ ...run, start: 30, end: 40, wanted: "last" }), [0]);
  runner.copy(0, 1, 33);
  return [...all, ...last, ...read(await runner.decode(0, [next(40), next(33)]), [1, 0])];
}

describe.each([
  ["the CPU", () => openRunner(micro, { selection: "none" })],
  ["a device", () => openRunner(micro, { selection: "none" }, onFakeDevice)],
])("on %s", (_, open) => {
  test("the logits are those of a graph with block maxima, to the bit", async () => {
    using plain = await open();
    using blocked = await openRunner(micro);
    const [found, expected] = [await logitsOf(plain), await logitsOf(blocked)];
    expect(found.map((row, index) => areSameBits(row, expected[index] ?? new Float32Array()))).toEqual(
      expected.map(() => true),
    );
  });

  test("a row says nothing but its logits", async () => {
    using opened = await open();
    const result = await opened.runner.prefill({ slot: 0, tokenIds, start: 0, end: 20, wanted: "last" });
    expect([result.highestToken(0), result.topLogits(0), result.blockMaxima(0).length]).toEqual([
      ...[undefined, undefined],
      0,
    ]);
  });

  test("what a caller does to a row stays until the next run", async () => {
    using opened = await open();
    const result = await opened.runner.prefill({ slot: 0, tokenIds, start: 0, end: 20, wanted: "last" });
    result.logits(0)[7] = 1e9;
    expect(result.logits(0)[7]).toBe(1e9);
  });

  test("a runner that is disposed leaves no tensor behind", async () => {
    const before = liveTensors();
    {
      using opened = await open();
      await logitsOf(opened);
      expect(liveTensors()).toBeGreaterThan(before);
    }
    expect(liveTensors()).toBe(before);
  });
});
