import { describe, expect, test } from "vitest";
import type { Runner, RunResult } from "../../src/engine/runner/runner.js";
import type { StepPlan } from "../../src/engine/scheduler.js";
import type { Sequence } from "../../src/engine/sequence.js";
import { runStep, type StepHooks } from "../../src/engine/step.js";
import { alphabet, idsOf, quiet, ScriptedRunner, textOf } from "../support/scripted-runner.js";
import { sequenceOf } from "../support/sequences.js";

const nothing = { copies: [], decodeStart: 0, moves: [], prefills: [], decode: [], decodePositions: [] };

/** Hooks of somebody who does nothing. */
const idle: StepHooks = {
  launched: () => undefined,
  describe: () => undefined,
  evaluate: () => undefined,
  verified: () => undefined,
  mayRunAhead: () => false,
  joinedPromptTokens: 0,
  pace: { prefilled: () => undefined, decoded: () => undefined },
  now: () => 0,
};

/** Runs the plan; every call, the end of every run and every hook, in order. */
async function trace(
  runner: ScriptedRunner,
  plan: Partial<StepPlan<Sequence>>,
  drafts: Readonly<Record<string, string>> = {},
  joinedPromptTokens = 0,
): Promise<string[]> {
  const { calls } = runner;
  calls.length = 0;
  const hooks: StepHooks = {
    ...idle,
    launched: () => calls.push("launched"),
    describe: (sequence, start, end) => calls.push(`describe ${nameOf(sequence)} [${start},${end})`),
    evaluate: (sequence, result, row) => {
      sequence.takeToken(result, row, 0);
      calls.push(`evaluate ${nameOf(sequence)}: ${textOf([sequence.newestTokenId])} in row ${row}`);
    },
    draft: (sequence) => idsOf(drafts[nameOf(sequence)] ?? ""),
    joinedPromptTokens,
    verified: (sequence, drafted, accepted) => calls.push(`verified ${nameOf(sequence)}: ${accepted} of ${drafted}`),
  };
  const untilOver = async (run: Promise<RunResult>): Promise<RunResult> => {
    const result = await run;
    calls.push("over");
    return result;
  };
  const watched: Runner = {
    prefill: (run) => untilOver(runner.prefill(run)),
    prefillTogether: (slot, prompts) => untilOver(runner.prefillTogether(slot, prompts)),
    decode: (start, rows) => untilOver(runner.decode(start, rows)),
    copy: (from, to, tokens) => runner.copy(from, to, tokens),
  };
  await runStep({ ...nothing, ...plan }, watched, hooks);
  return calls;
}

const nameOf = (sequence: Sequence): string => sequence.request.promptText;

/** What the scheduler would plan for the whole prompt, or for [start, end) of it. */
const chunk = (sequence: Sequence, slot: number, start = 0, end = sequence.promptTokens) => ({
  sequence,
  slot,
  start,
  end,
  isLast: end === sequence.promptTokens,
});

test("each run lets the engine work while it is under way, and is evaluated before the next", async () => {
  const runner = new ScriptedRunner(2, alphabet);
  const [a, m] = [sequenceOf({ prompt: "a" }), sequenceOf({ prompt: "m" })];
  expect(await trace(runner, { prefills: [chunk(a, 0), chunk(m, 1)] })).toEqual([
    ...["prefill 0 [0,1)", "launched", "over", "evaluate a: b in row 0"],
    ...["prefill 1 [0,1)", "launched", "over", "evaluate m: n in row 0"],
  ]);
});

test("short prompts in neighbouring rows are one run, evaluated row by row", async () => {
  const runner = new ScriptedRunner(4, alphabet);
  const [a, k, m] = [sequenceOf({ prompt: "a" }), sequenceOf({ prompt: "klm" }), sequenceOf({ prompt: "m" })];
  expect(await trace(runner, { prefills: [chunk(a, 1), chunk(k, 2), chunk(m, 3)] }, {}, 8)).toEqual([
    ...["prefill 1 [0,1), 2 [0,3)", "launched", "over", "evaluate a: b in row 0", "evaluate klm: n in row 1"],
    ...["prefill 3 [0,1)", "launched", "over", "evaluate m: n in row 0"], // three rows of three tokens are more than 8
  ]);
});

test("a prompt of which all positions are described has a run of its own", async () => {
  const runner = new ScriptedRunner(2, alphabet);
  const [a, m] = [sequenceOf({ prompt: "a", details: { promptTokens: true } }), sequenceOf({ prompt: "m" })];
  const calls = await trace(runner, { prefills: [chunk(a, 0), chunk(m, 1)] }, {}, 8);
  expect(calls.filter((call) => call.startsWith("prefill"))).toEqual(["prefill 0 [0,1)", "prefill 1 [0,1)"]);
});

test("a run is over before its step fails, when what is done beside it does", async () => {
  const runner = new ScriptedRunner(1, alphabet);
  runner.hold();
  const launched = (): never => {
    throw new Error("nobody can be told");
  };
  const order: string[] = [];
  const plan = { ...nothing, prefills: [chunk(sequenceOf({ prompt: "a" }), 0)] };
  const step = runStep(plan, runner, { ...idle, launched }).catch((error: unknown) => order.push(String(error)));
  await quiet();
  order.push("the run is over");
  await runner.finishRun();
  await step;
  expect(order).toEqual(["the run is over", "Error: nobody can be told"]);
});

test("copies come first, then prompt chunks, then one decode with its holes", async () => {
  const runner = new ScriptedRunner(3, alphabet);
  const [a, m, t] = [sequenceOf({ prompt: "a" }), sequenceOf({ prompt: "m" }), sequenceOf({ prompt: "t" })];
  await trace(runner, { prefills: [chunk(a, 2)] });
  const plan = {
    moves: [{ sequence: a, from: 2, to: 1, tokens: 1 }],
    prefills: [chunk(m, 0), chunk(t, 2)],
    decode: [undefined, a],
    decodePositions: [1, 1],
  };
  expect(await trace(runner, plan)).toEqual([
    "copy 2>1",
    ...["prefill 0 [0,1)", "launched", "over", "evaluate m: n in row 0"],
    ...["prefill 2 [0,1)", "launched", "over", "evaluate t: u in row 0"],
    ...["decode \0@1 b@1", "launched", "over", "evaluate a: c in row 1"],
  ]);
});

test("a chunk of a prompt is evaluated when it is the last, and described when the prompt is to be listed", async () => {
  const runner = new ScriptedRunner(1, alphabet);
  const plain = sequenceOf({ prompt: "abc" });
  expect(await trace(runner, { prefills: [chunk(plain, 0, 0, 2)] })).toEqual(["prefill 0 [0,2)", "launched", "over"]);
  const listed = sequenceOf({ prompt: "abc", details: { promptTokens: true } });
  expect(await trace(runner, { prefills: [chunk(listed, 0, 0, 2)] })).toEqual([
    ...["prefill 0 [0,2)", "launched", "over", "describe abc [0,2)"],
  ]);
  expect(await trace(runner, { prefills: [chunk(listed, 0, 2, 3)] })).toEqual([
    ...["prefill 0 [2,3)", "launched", "over", "describe abc [2,3)", "evaluate abc: d in row 0"],
  ]);
});

describe("a draft", () => {
  /** Sequences with these prompts in the slots from 0 on, each with its first token chosen. */
  async function begin(...prompts: string[]) {
    const runner = new ScriptedRunner(4, alphabet);
    const sequences = prompts.map((prompt) => sequenceOf({ prompt }));
    await trace(runner, { prefills: sequences.map((sequence, slot) => chunk(sequence, slot)) });
    const decode = { decode: sequences, decodePositions: sequences.map(({ promptTokens }) => promptTokens) };
    return { runner, decode };
  }

  test("is run behind the newest token, and its tokens are taken up to the first that was wrong", async () => {
    const { runner, decode } = await begin("a");
    expect(await trace(runner, decode, { a: "cdz" })).toEqual([
      ...["prefill 0 [1,5)", "launched", "over"],
      ...["evaluate a: c in row 0", "evaluate a: d in row 1", "evaluate a: e in row 2", "verified a: 2 of 3"],
    ]);
  });

  test("that is right gives one token more than it has", async () => {
    const { runner, decode } = await begin("a");
    expect((await trace(runner, decode, { a: "cd" })).slice(-2)).toEqual([
      "evaluate a: e in row 2",
      "verified a: 2 of 2",
    ]);
  });

  test("is run for each of two sequences, and for none when one has none, or when there are three", async () => {
    const two = await begin("a", "m");
    expect(
      (await trace(two.runner, two.decode, { a: "c", m: "x" })).filter((call) => !/launched|over/.test(call)),
    ).toEqual([
      ...["prefill 0 [1,3)", "evaluate a: c in row 0", "evaluate a: d in row 1", "verified a: 1 of 1"],
      ...["prefill 1 [1,3)", "evaluate m: o in row 0", "verified m: 0 of 1"],
    ]);
    const one = await begin("a", "m");
    expect((await trace(one.runner, one.decode, { a: "c" }))[0]).toBe("decode b@1 n@1");
    const three = await begin("a", "m", "t");
    expect((await trace(three.runner, three.decode, { a: "c", m: "o", t: "v" }))[0]).toBe("decode b@1 n@1 u@1");
  });
});
