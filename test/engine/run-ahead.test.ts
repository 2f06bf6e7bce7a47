/** Decodes that begin before the last one's tokens were looked at, over a runner that follows a script. */
import { describe, expect, test } from "vitest";
import { startBatching, startHeld, type Batching, type BatchingOptions } from "../support/batching.js";
import { Random } from "../support/random.js";
import { quiet, textOf } from "../support/scripted-runner.js";

const ahead = { isRunningAhead: true };

/** Every call of the runner for these prompts, each answered with four tokens. */
async function callsOf(options: BatchingOptions, ...asked: Parameters<Batching["ask"]>[]): Promise<string[]> {
  const { ask, runner } = startBatching({ ...ahead, ...options });
  await Promise.all(asked.map(([prompt, fields]) => ask(prompt, { maxNewTokens: 4, ...fields }).end));
  return runner.calls;
}

describe("a decode", () => {
  test("is followed by another before its tokens are chosen", async () => {
    const chosen: string[] = [];
    const bytesOf = (id: number): Uint8Array => {
      chosen.push(`${textOf([id])} after ${runner.calls.at(-1)}`);
      return Buffer.from(textOf([id]));
    };
    const { ask, runner } = startBatching({ ...ahead, tokenizer: { bytesOf } });
    await ask("a", { maxNewTokens: 4 }).end;
    expect(chosen).toEqual(["b after prefill 0 [0,1)", "c after next c@2", "d after next d@3", "e after next d@3"]);
  });

  test("is followed by none when all sequences have their last token then", async () => {
    const calls = ["prefill 0 [0,1)", "decode b@1", "next c@2", "next d@3"];
    expect(await callsOf({}, ["a", {}])).toEqual(calls);
  });

  test("is followed by none at a row's end", async () => {
    const calls = await callsOf({ maxSequenceLength: 4 }, ["a", {}]);
    expect(calls).toEqual(["prefill 0 [0,1)", "decode b@1", "next c@2"]);
  });

  test.each([
    ["samples", { method: "sample", topK: 1 }],
    ["penalises repetition", { repetitionPenalty: 1.1 }],
    ["penalises presence", { presencePenalty: 0.5 }],
    ["has a bias", { logitBias: new Map([[5, 1]]) }],
    ["has a length penalty", { lengthPenalty: { startIndex: 9, decayFactor: 1.1 } }],
  ] as const)("is followed by none while a sequence %s", async (_, fields) => {
    const calls = await callsOf({}, ["a", {}], ["m", fields]);
    expect(calls.filter((call) => call.startsWith("next"))).toEqual([]);
  });

  test("is followed by none where that is turned off", async () => {
    const calls = await callsOf({ isRunningAhead: false }, ["a", {}]);
    expect(calls).toEqual(["prefill 0 [0,1)", "decode b@1", "decode c@2", "decode d@3"]);
  });
});

test("a sequence that has ended is a hole in the run ahead, and then the rows are planned anew", async () => {
  const calls = await callsOf({}, ["a", {}], ["m", { maxNewTokens: 2 }]);
  expect(calls.slice(2)).toEqual(["decode b@1 n@1", "next c@2 o@2", "decode d@3"]);
});

test("a token that was chosen against the graph's is not taken from the run ahead, but run", async () => {
  const script = (_prompt: string, completion: string): string => (completion.length < 2 ? "$x" : "y");
  const { ask, runner } = startBatching({ ...ahead, script });
  const answer = ask("ab", { minNewTokens: 2, maxNewTokens: 4 });
  expect(await answer.end).toBeUndefined();
  expect(answer.events.slice(1).map((event) => event.slice(0, 3))).toEqual(['"x"', '"x"', '"y"', '"y"']);
  expect(runner.calls).toEqual(["prefill 0 [0,2)", "decode x@2", "next $@3", "decode x@3", "next y@4"]);
});

test("nothing more runs ahead behind a decode in which a sequence ended otherwise than the graph foresaw", async () => {
  // "$" would end a's text too early, so that it says x, its last token: the run ahead goes on without it.
  const script = (prompt: string, completion: string): string =>
    prompt === "ab" && completion.length < 2 ? "$x" : "y";
  const { ask, runner } = startBatching({ ...ahead, script, slots: 2 });
  const [a, m] = [ask("ab", { minNewTokens: 2, maxNewTokens: 2 }), ask("mn", { maxNewTokens: 5 })];
  expect([await a.end, await m.end]).toEqual([undefined, undefined]);
  const decodes = runner.calls.filter((call) => !call.startsWith("prefill"));
  const windows = decodes.map((call) => [call.split(" ")[0], call.split("@").length - 1]);
  expect(windows.slice(-3)).toEqual([
    ["next", 2],
    ["decode", 1],
    ["next", 1],
  ]);
});

describe("while a run ahead is under way", () => {
  /** Two sequences, with the first run ahead held. */
  async function begin() {
    const batching = startHeld({ ...ahead, slots: 2, maxSequenceLength: 32 });
    const cancelling = new AbortController();
    const a = batching.ask("a", { maxNewTokens: 6 });
    const m = batching.ask("m", { maxNewTokens: 6 }, cancelling.signal);
    await quiet();
    for (let run = 0; run < 3; run += 1) await batching.runner.finishRun();
    expect(batching.runner.calls.at(-1)).toBe("next c@2 o@2");
    return { ...batching, a, m, cancelling };
  }

  test("what the one before it gave is told", async () => {
    const { a, runner } = await begin();
    expect(a.events.slice(1)).toEqual(['"b" 1', '"c" 2']);
    runner.release();
  });

  test("a request that comes waits for it, and for no other", async () => {
    const { ask, runner, cancelling } = await begin();
    cancelling.abort();
    ask("x", { maxNewTokens: 2 });
    await quiet();
    expect(runner.calls.at(-1)).toBe("next c@2 o@2"); // the slot is free, and not given away
    await runner.finishRun();
    expect(runner.calls.at(-1)).toBe("prefill 1 [0,1)");
    runner.release();
  });

  test("a failure ends its sequences, and the engine goes on", async () => {
    const { a, m, ask, runner, failures } = await begin();
    runner.failWith(new Error("no memory"));
    runner.release();
    const ends = await Promise.all([a.end, m.end]);
    expect(ends.map((end) => (end instanceof Error ? end.message : end))).toEqual(["a step failed", "a step failed"]);
    expect(failures.length).toBe(1);
    const after = ask("x", { maxNewTokens: 2 });
    expect(await after.end).toBeUndefined();
    expect(after.events).toEqual(["started 1", '"y" 1', '"z" 2 max-tokens']);
  });

  test("a drain waits for it", async () => {
    const { a, m, engine, runner } = await begin();
    let isDrained = false;
    const draining = engine.drain(0).then(() => (isDrained = true));
    await Promise.all([a.end, m.end]);
    await quiet();
    expect(isDrained).toBe(false);
    runner.release();
    await draining;
  });
});

test("requests of all kinds, some of them cut off, get what they get without it", async () => {
  const script = (prompt: string, completion: string): string => {
    const text = prompt + completion;
    return textOf([97 + ((text.length * 7 + text.charCodeAt(0) + text.charCodeAt(text.length - 1)) % 26)]) + "$";
  };
  const answersWith = async (isRunningAhead: boolean) => {
    const random = new Random(8);
    const { ask, runner } = startBatching({ isRunningAhead, script, slots: 4, ends: "qz" });
    const answers: { events: string[]; isCut: boolean }[] = [];
    const all: Promise<unknown>[] = [];
    for (let index = 0; index < 120; index += 1) {
      const cut = new AbortController();
      const isCut = random.chance(0.2);
      const { events, end } = ask(
        textOf([97 + random.integer(0, 26), 97 + random.integer(0, 26)]),
        {
          maxNewTokens: random.integer(1, 20),
          minNewTokens: random.chance(0.2) ? 1 : 0,
          repetitionPenalty: random.chance(0.05) ? 1.2 : 1,
        },
        cut.signal,
      );
      answers.push({ events, isCut });
      all.push(end);
      for (let turn = random.integer(0, 6); turn > 0; turn -= 1) await quiet();
      if (isCut) cut.abort();
    }
    await Promise.all(all);
    const whole = answers.filter(({ isCut }) => !isCut).map(({ events }) => events);
    return { whole, aheads: runner.calls.filter((call) => call.startsWith("next")).length };
  };
  const [found, expected] = [await answersWith(true), await answersWith(false)];
  expect(found.whole).toEqual(expected.whole);
  expect([found.aheads > 100, expected.aheads]).toEqual([true, 0]);
});
