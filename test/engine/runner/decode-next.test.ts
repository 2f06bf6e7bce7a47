/** The decode that begins with what the last one gave, on a device that JavaScript cannot see. */
import { describe, expect, test } from "vitest";
import type { DecodeRow, RunResult } from "../../../src/engine/runner/runner.js";
import type { SessionRunner } from "../../../src/engine/runner/session-runner.js";
import { fixture } from "../../support/checkpoints.js";
import { CapturingDevice, onFakeDevice } from "../../support/fake-device.js";
import { Random } from "../../support/random.js";
import { openRunner, prefill, type TestRunner } from "../../support/runners.js";

const micro = fixture("micro-gpt2");
const random = new Random(5);
const tokenIds = Array.from({ length: 40 }, () => random.integer(1, 600));
const lengths = [20, 17, 9];
const selecting = { selection: "on-device" } as const;

const openPlain = (): Promise<TestRunner> => openRunner(micro, selecting, onFakeDevice);
const openCapturing = (): Promise<TestRunner> =>
  openRunner(micro, selecting, (session) => new CapturingDevice().place(session));

async function begin(runner: SessionRunner): Promise<DecodeRow[]> {
  for (const [slot, length] of lengths.entries()) await prefill(runner, slot, tokenIds.slice(slot, slot + length));
  return lengths.map((position, slot) => ({ tokenId: tokenIds[slot + position] ?? 0, position }));
}

const highest = (result: RunResult): number[] => lengths.map((_, row) => result.highestToken(row) ?? -1);
const following = (rows: readonly DecodeRow[], result: RunResult): DecodeRow[] =>
  rows.map(({ position }, row) => ({ tokenId: result.highestToken(row) ?? 0, position: position + 1 }));

/** What each of `count` decodes gave, each by the tokens of the one before, which JavaScript brought. */
async function oneByOne(runner: SessionRunner, count: number): Promise<unknown[]> {
  const all: unknown[] = [];
  let rows = await begin(runner);
  for (let step = 0; step < count; step += 1) {
    const result = await runner.decode(0, rows);
    all.push(...lengths.map((_, row) => [result.highestToken(row), result.logits(row).slice()]));
    rows = following(rows, result);
  }
  return all;
}

/** The same, run ahead where that can be: each result is read while the next decode runs. */
async function runAhead(runner: SessionRunner, count: number) {
  const all: unknown[] = [];
  let rows = await begin(runner);
  let ahead = 0;
  let result = await runner.decode(0, rows);
  for (let step = 1; step <= count; step += 1) {
    const next = step < count ? runner.decodeNext() : undefined;
    if (next !== undefined) ahead += 1;
    all.push(...lengths.map((_, row) => [result.highestToken(row), result.logits(row).slice()]));
    rows = following(rows, result);
    if (step < count) result = await (next ?? runner.decode(0, rows));
  }
  return { all, ahead };
}

describe.each([
  ["plain", openPlain, 19],
  ["captured", openCapturing, 18], // its second side is captured first, by a decode that JavaScript brings
])("decodes run ahead, %s,", (_, open, expectedAhead) => {
  test("give what they give one by one, to the bit, and each result stays until the run after the next", async () => {
    using one = await openPlain();
    using other = await open();
    const expected = await oneByOne(one.runner, 20);
    const { all, ahead } = await runAhead(other.runner, 20);
    expect(all).toEqual(expected);
    expect(ahead).toBe(expectedAhead);
  });
});

test("there is none after a prompt, a copy or a decode that failed, and none before the first decode", async () => {
  using opened = await openPlain();
  const { runner } = opened;
  const rows = await begin(runner);
  expect(runner.decodeNext()).toBeUndefined();
  await runner.decode(0, rows);
  await prefill(runner, 2, tokenIds.slice(0, 3));
  expect(runner.decodeNext()).toBeUndefined();
  await runner.decode(0, rows.slice(0, 2));
  runner.copy(0, 2, 4);
  expect(runner.decodeNext()).toBeUndefined();
  await expect(runner.decode(0, [{ tokenId: 600, position: 20 }])).rejects.toThrow();
  expect(runner.decodeNext()).toBeUndefined();
});

test("there is none where the graph selects on the host", async () => {
  using opened = await openRunner(micro);
  await opened.runner.decode(0, await begin(opened.runner));
  expect(opened.runner.decodeNext()).toBeUndefined();
});

test("rows that JavaScript brings afterwards are not those that would have come next", async () => {
  using opened = await openPlain();
  using other = await openPlain();
  const [rows, same] = [await begin(opened.runner), await begin(other.runner)];
  await opened.runner.decode(0, rows);
  await opened.runner.decodeNext();
  const again = highest(await opened.runner.decode(0, rows));
  expect(again).toEqual(highest(await other.runner.decode(0, same)));
});
