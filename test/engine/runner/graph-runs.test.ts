/** Decodes that are captured, on a device of the CPU's memory that replays as CUDA does: by old addresses and old host numbers. */
import { isDeepStrictEqual } from "node:util";
import { expect, test } from "vitest";
import type { DecodeRow } from "../../../src/engine/runner/runner.js";
import type { SessionRunner } from "../../../src/engine/runner/session-runner.js";
import { OrtCallError, Tensor } from "../../../src/ort/index.js";
import { fixture } from "../../support/checkpoints.js";
import { CapturingDevice, onFakeDevice } from "../../support/fake-device.js";
import { Random } from "../../support/random.js";
import { openRunner, prefill, type TestRunner } from "../../support/runners.js";

const micro = fixture("micro-gpt2");
const random = new Random(3);
const tokenIds = Array.from({ length: 96 }, () => random.integer(1, 600));
const next = (position: number): DecodeRow => ({ tokenId: tokenIds[position] ?? 0, position });

interface Opened extends TestRunner {
  readonly device: CapturingDevice;
  readonly givenUp: Error[];
}

async function openCapturing(device = new CapturingDevice()): Promise<Opened> {
  const givenUp: Error[] = [];
  const options = { selection: "on-device", onGraphsGivenUp: (error: Error) => givenUp.push(error) } as const;
  const opened = await openRunner(micro, options, (session) => device.place(session));
  return { ...opened, device, givenUp };
}

/** Highest tokens and all logits of decodes of one row and of three, each several times over. */
async function answers(runner: SessionRunner) {
  for (const slot of [0, 1, 2]) await prefill(runner, slot, tokenIds.slice(slot, 20));
  const all: unknown[] = [];
  for (let step = 0; step < 7; step += 1) {
    for (const rows of [[next(20 + step)], [20, 19, 18].map((position) => next(position + step))]) {
      const result = await runner.decode(0, rows);
      all.push(...rows.map((_, row) => [result.highestToken(row), result.logits(row).slice()]));
    }
  }
  return all;
}

test("replays give what plain runs give, to the bit, over longer and longer rows", async () => {
  using captured = await openCapturing();
  using plain = await openRunner(micro, { selection: "on-device" }, onFakeDevice);
  const [found, expected] = [await answers(captured.runner), await answers(plain.runner)];
  expect(found.map((answer, index) => isDeepStrictEqual(answer, expected[index]))).toEqual(expected.map(() => true));
  expect(captured.givenUp).toEqual([]);
});

test("a window is captured once for each side, and its first, second and fourth replays are held to plain runs", async () => {
  using opened = await openCapturing();
  const { runner, device } = opened;
  await prefill(runner, 0, tokenIds.slice(0, 20));
  device.runs.length = 0;
  for (let step = 0; step < 12; step += 1) await runner.decode(0, [next(20 + step)]);
  const captured = [1, -1, 2, -1];
  const proved = [1, -1, 2, -1];
  expect(device.runs).toEqual([...captured, ...proved, ...proved, ...[1, 2], ...proved, ...[1, 2]]);
  expect([runner.graphs?.captures, runner.graphs?.replays]).toEqual([2, 10]);
});

test("each window has a graph of its own, prompts have none", async () => {
  using opened = await openCapturing();
  const { runner, device } = opened;
  await prefill(runner, 0, tokenIds.slice(0, 20));
  await prefill(runner, 1, tokenIds.slice(0, 20));
  expect(device.runs).toEqual([-1, -1]);
  device.runs.length = 0;
  for (const [start, rows] of [
    [0, [next(20)]],
    [1, [next(20)]],
    [0, [next(20), next(20)]],
  ] as const) {
    await runner.decode(start, rows);
  }
  expect(device.runs.filter((id) => id > 0)).toEqual([1, 2, 3]);
});

test("a replay that gives other bits is not believed: the plain run counts, and graphs are given up", async () => {
  const wrong: { sum?: Tensor } = {};
  const device = new CapturingDevice({
    replayed: (binding, replays) => {
      if (replays === 7 && wrong.sum) binding.bound.get("output log_sum_exp")?.copyFrom(wrong.sum);
    },
  });
  using opened = await openCapturing(device);
  using plain = await openRunner(micro, { selection: "on-device" }, onFakeDevice);
  const { session } = opened;
  using sum = Tensor.over(session.api, session.cpu, "float32", [1], new ArrayBuffer(4));
  wrong.sum = sum;
  const decodes = async ({ runner }: TestRunner): Promise<unknown[]> => {
    await prefill(runner, 0, tokenIds.slice(0, 20));
    const sums: unknown[] = [];
    for (let step = 0; step < 11; step += 1) {
      const result = await runner.decode(0, [next(20 + step)]);
      sums.push(result.highestToken(0), result.topLogits(0)?.logits.slice());
    }
    return sums;
  };
  expect(await decodes(opened)).toEqual(await decodes(plain));
  expect(opened.givenUp.map(({ message }) => message)).toEqual([
    "CUDA graphs are given up: a replay gave other bits than a run",
  ]);
  expect(device.runs.slice(-3)).toEqual([-1, -1, -1]); // the proof's plain run, and two steps
});

test("a replay that would have the next decode begin elsewhere is not believed either", async () => {
  const wrong: { position?: Tensor } = {};
  const device = new CapturingDevice({
    replayed: (binding, replays) => {
      if (replays === 3 && wrong.position) binding.bound.get("output next_positions")?.copyFrom(wrong.position);
    },
  });
  using opened = await openCapturing(device);
  const { runner, session } = opened;
  using position = Tensor.over(session.api, session.cpu, "int32", [1], new ArrayBuffer(4));
  wrong.position = position;
  await prefill(runner, 0, tokenIds.slice(0, 20));
  for (let step = 0; step < 8; step += 1) await runner.decode(0, [next(20 + step)]);
  expect(opened.givenUp.map(({ message }) => message)).toEqual([
    "CUDA graphs are given up: a replay gave other bits than a run",
  ]);
});

test("graphs are given up when decodes fail as graphs and plainly, one after the other, with the first reason", async () => {
  using opened = await openCapturing();
  const { runner, givenUp } = opened;
  await prefill(runner, 0, tokenIds.slice(0, 20));
  const unknown = { tokenId: 600, position: 20 };
  await expect(runner.decode(0, [unknown])).rejects.toThrow("a decode failed as a graph and plainly");
  await expect(runner.decode(0, [unknown])).rejects.toThrow("a decode failed as a graph and plainly");
  expect(givenUp.map(({ message, cause }) => [message, cause instanceof OrtCallError])).toEqual([
    ["CUDA graphs are given up: decodes fail as graphs and plainly", true],
  ]);
  await expect(runner.decode(0, [unknown])).rejects.toThrow(OrtCallError);
});

test("a capture that fails costs nothing but graphs", async () => {
  const refusing = new CapturingDevice({
    capturing: () => {
      throw new Error("operation not permitted when stream is capturing");
    },
  });
  using opened = await openCapturing(refusing);
  using plain = await openRunner(micro, { selection: "on-device" }, onFakeDevice);
  expect(await answers(opened.runner)).toEqual(await answers(plain.runner));
  expect(opened.givenUp.map(({ message }) => message)).toEqual([
    "CUDA graphs are given up: a decode could not be captured",
  ]);
});

test("a decode that fails by itself fails, and graphs go on", async () => {
  using opened = await openCapturing();
  const { runner, givenUp } = opened;
  await prefill(runner, 0, tokenIds.slice(0, 20));
  const unknown = { tokenId: 600, position: 20 };
  await expect(runner.decode(0, [unknown])).rejects.toThrow("a decode failed as a graph and plainly");
  const first = (await runner.decode(0, [next(20)])).highestToken(0);
  await expect(runner.decode(0, [unknown])).rejects.toThrow("a decode failed as a graph and plainly");
  expect((await runner.decode(0, [next(20)])).highestToken(0)).toBe(first);
  expect([givenUp, runner.graphs?.captures]).toEqual([[], 1]);
});
