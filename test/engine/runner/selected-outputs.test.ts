/** A graph that selects on its device, driven on the CPU and on a device whose memory JavaScript cannot see. */
import { isDeepStrictEqual } from "node:util";
import { describe, expect, test, vi } from "vitest";
import { StepInputs } from "../../../src/engine/runner/step-inputs.js";
import type { RunResult } from "../../../src/engine/runner/runner.js";
import { InternalError } from "../../../src/errors.js";
import { topCandidates } from "../../../src/model/index.js";
import { Binding, liveTensors, OrtCallError } from "../../../src/ort/index.js";
import { fixture, temporaryFolder } from "../../support/checkpoints.js";
import { onFakeDevice } from "../../support/fake-device.js";
import { doublingSession } from "../../support/graphs.js";
import { Random } from "../../support/random.js";
import { decode, openRunner, prefill, type TestRunner } from "../../support/runners.js";
import { smallGpt2, writeGpt2 } from "../../support/small-gpt2.js";

const micro = fixture("micro-gpt2");
const random = new Random(2);
const tokenIds = Array.from({ length: 96 }, () => random.integer(1, 600));
const next = (position: number) => ({ tokenId: tokenIds[position] ?? 0, position });
const empty = { tokenId: 0, position: 0 };

const selecting = { selection: "on-device" } as const;
const openOnDevice = (): Promise<TestRunner> => openRunner(micro, selecting, onFakeDevice);

/** What can be asked of a row. */
function factsOf(result: RunResult, row: number) {
  return {
    highest: result.highestToken(row),
    logits: result.logits(row).slice(),
    maxima: result.blockMaxima(row).slice(),
  };
}

/** Answers about rows of all kinds of runs. */
async function answers({ runner }: TestRunner): Promise<ReturnType<typeof factsOf>[]> {
  const run = { slot: 0, tokenIds } as const;
  await runner.prefill({ ...run, start: 0, end: 12, wanted: "none" });
  const all = await runner.prefill({ ...run, start: 12, end: 30, wanted: "all" }); // more rows than slots
  const described = Array.from({ length: 18 }, (_, row) => factsOf(all, row));
  const last = factsOf(await runner.prefill({ ...run, start: 30, end: 40, wanted: "last" }), 0);
  runner.copy(0, 2, 33);
  const decoded = await runner.decode(0, [next(40), empty, next(33)]);
  return [...described, last, factsOf(decoded, 0), factsOf(decoded, 2)];
}

describe.each([
  ["the CPU", () => openRunner(micro, selecting)],
  ["a device", openOnDevice],
])("selection on %s", (_, open) => {
  test("gives the logits, their maxima and the highest token that the host finds, to the bit", async () => {
    using selected = await open();
    using plain = await openRunner(micro);
    const [found, expected] = [await answers(selected), await answers(plain)];
    expect(found.map((facts, index) => isDeepStrictEqual(facts, expected[index]))).toEqual(expected.map(() => true));
  });

  test("gives the highest logits of each row with their tokens", async () => {
    using opened = await open();
    const { runner } = opened;
    for (const slot of [0, 1, 2]) await prefill(runner, slot, tokenIds.slice(slot, 10));
    const result = await runner.decode(0, [next(10), next(9), next(8)]);
    for (const row of [2, 0, 1]) {
      const logits = result.logits(row);
      const top = result.topLogits(row);
      expect([...(top?.logits ?? [])]).toEqual([...logits].sort((a, b) => b - a).slice(0, topCandidates));
      expect(Array.from(top?.ids ?? [], (id) => logits[id])).toEqual([...(top?.logits ?? [])]);
    }
  });
});

describe("on a device", () => {
  test("the highest tokens come here without logits, and logits a row at a time", async () => {
    using opened = await openOnDevice();
    const { runner, session, shape } = opened;
    for (const slot of [0, 1, 2]) await prefill(runner, slot, tokenIds.slice(slot, 10));
    const copy = vi.spyOn(session.device.memory, "copy");
    const bytes = (): number => copy.mock.calls.reduce((sum, [, , count]) => sum + count, 0);
    const result = await runner.decode(0, [next(10), next(9), next(8)]);
    copy.mockClear(); // what the run needed
    for (const row of [0, 1, 2]) result.highestToken(row);
    expect(bytes()).toBe(3 * (8 + 4)); // an id and a logarithm for each row
    copy.mockClear();
    for (const row of [0, 0, 2]) result.logits(row);
    expect(bytes()).toBe(2 * 4 * shape.vocabularySize);
    copy.mockRestore();
  });

  test("a run that fails leaves what was cached before it", async () => {
    using opened = await openOnDevice();
    const { runner } = opened;
    await prefill(runner, 0, tokenIds.slice(0, 20));
    const expected = await decode(runner, [next(20)]);
    await expect(runner.decode(0, [{ tokenId: 600, position: 20 }])).rejects.toThrow(OrtCallError);
    expect(await decode(runner, [next(20)])).toEqual(expected);
  });

  test("inputs that lie on the host are refused, and so are outputs that JavaScript is to read there", async () => {
    using owner = await doublingSession();
    const session = onFakeDevice(owner);
    using inputs = new StepInputs(owner, 4, 4);
    using binding = new Binding(session);
    expect(() => inputs.bindDecode(binding, 1)).toThrow(InternalError);
    using opened = await openRunner(micro, {}, onFakeDevice);
    await expect(prefill(opened.runner, 0, [1])).rejects.toThrow(
      "logits is computed on cuda, its tensor is on the host",
    );
  });

  test("a runner that is disposed leaves no tensor behind", async () => {
    const before = liveTensors();
    {
      using opened = await openOnDevice();
      await answers(opened);
      await opened.runner.prefill({ slot: 0, tokenIds, start: 0, end: 40, wanted: "all" });
      expect(liveTensors()).toBeGreaterThan(before);
    }
    expect(liveTensors()).toBe(before);
  });
});

test("a broken row offers no token, and shows its logits", async () => {
  const model = smallGpt2({ tie_word_embeddings: false });
  const width = model.fields.n_embd;
  model.tensors.get("wte.weight")?.values.fill(NaN, width, 2 * width); // of token 1
  const folder = await temporaryFolder();
  await writeGpt2(folder, model);
  using opened = await openRunner(folder, selecting, onFakeDevice);
  const result = await opened.runner.prefill({ slot: 0, tokenIds: [1], start: 0, end: 1, wanted: "last" });
  expect([result.highestToken(0), result.topLogits(0)]).toEqual([undefined, undefined]);
  expect(result.logits(0).every(Number.isNaN)).toBe(true);
});
