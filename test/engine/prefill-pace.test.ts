import { describe, expect, test } from "vitest";
import { PrefillPace, type PaceLimits } from "../../src/engine/prefill-pace.js";
import { startHeld } from "../support/batching.js";
import { quiet } from "../support/scripted-runner.js";

/** A prompt token takes 1 ms, a decode 100 ms. */
function measuredPace(limits: Partial<PaceLimits> = {}): PrefillPace {
  const pace = new PrefillPace({ maxTokens: 256, decodeSlowdown: 2, ...limits });
  pace.prefilled(200, 200);
  pace.decoded(100);
  return pace;
}

const one = { waiting: 0, prefilling: 1, running: 8, freeSlots: 4 };

test("a prompt may take as much of a step as its decode does, in whole blocks of 16 tokens", () => {
  expect(measuredPace().tokensFor(one)).toBe(96);
  expect(measuredPace({ decodeSlowdown: 1.75 }).tokensFor(one)).toBe(64);
});

test("each prompt that has a slot may take as much again, one that waits for a slot nothing", () => {
  expect(measuredPace().tokensFor({ ...one, waiting: 1 })).toBe(192);
  expect(measuredPace().tokensFor({ ...one, waiting: 9, freeSlots: 0 })).toBe(96);
});

test("a step never runs more than the most, nor so few that it is all reading of weights, however slow prompts are", () => {
  expect(measuredPace({ decodeSlowdown: Infinity }).tokensFor(one)).toBe(256);
  expect(measuredPace({ decodeSlowdown: 1.01 }).tokensFor(one)).toBe(64);
  expect(measuredPace({ decodeSlowdown: 1.01, maxTokens: 24 }).tokensFor(one)).toBe(24);
});

test.each([
  ["nothing runs beside it", measuredPace(), { ...one, running: 0 }],
  ["no decode was measured", new PrefillPace({ maxTokens: 256, decodeSlowdown: 2 }), one],
])("a chunk is as long as it may be when %s", (_, pace, counts) => {
  expect(pace.tokensFor(counts)).toBe(256);
});

test("what a chunk of less than a block costs does not pass for the price of a token", () => {
  const pace = measuredPace();
  for (let i = 0; i < 50; i += 1) pace.prefilled(1, 16);
  expect(pace.tokensFor(one)).toBe(96);
});

test("times are averages: a single slow step moves them by less than a third", () => {
  const pace = measuredPace();
  pace.decoded(200);
  expect(pace.tokensFor(one)).toBe(128);
});

describe("an engine in which a decode takes 80 ms and a prompt token 1 ms", () => {
  test("runs a prompt whole when nothing else runs, and else in chunks that take as long as a decode", async () => {
    const { ask, runner, clock } = startHeld({
      prefillChunkTokens: 256,
      maxSequenceLength: 400,
      decodeSlowdown: 2,
      slots: 3,
    });
    const prefills = (): string[] => runner.calls.filter((call) => call.startsWith("prefill"));
    const finishRun = async (): Promise<void> => {
      const call = runner.calls.at(-1) ?? "";
      const [, start, end] = /\[(\d+),(\d+)\)/.exec(call) ?? [];
      clock.ms += call.startsWith("prefill") ? Number(end) - Number(start) : 80;
      await runner.finishRun();
    };
    const prompt = "abcdefghijklmnopqrstuvwxyz".repeat(7).slice(0, 170);
    void ask(prompt, { maxNewTokens: 6 });
    await quiet();
    await finishRun();
    void ask(`m${prompt}`, { maxNewTokens: 1 });
    void ask(`z${prompt}`, { maxNewTokens: 1 });
    while (prefills().length < 5) await finishRun();
    expect(prefills()).toEqual([
      "prefill 0 [0,170)", // alone
      "prefill 1 [0,160)", // two prompts, twice 80 ms
      ...["prefill 1 [160,171)", "prefill 2 [0,149)"],
      "prefill 2 [149,171)", // one prompt
    ]);
  });
});
