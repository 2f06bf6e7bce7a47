import { describe, expect, onTestFinished, test, vi } from "vitest";
import { CancelledError, InternalError, OverCapacityError, UnavailableError } from "../../src/errors.js";
import { startBatching, startHeld } from "../support/batching.js";
import { alphabet, broken, idsOf, quiet, type Script } from "../support/scripted-runner.js";

const idle = { waiting: 0, prefilling: 0, running: 0, freeSlots: 4 };

describe("a run that fails", () => {
  /** "a" runs, "m" is prefilled beside it, "t" waits for a slot. */
  async function threeInFlight() {
    const batching = startHeld({ slots: 2 });
    const { ask, runner } = batching;
    const running = ask("a", { maxNewTokens: 9 });
    await quiet();
    const prefilling = ask("m", { maxNewTokens: 9 });
    const waiting = ask("t", { maxNewTokens: 2 });
    await runner.finishRun();
    return { ...batching, running, prefilling, waiting };
  }

  test.each(["prefill", "decode"])("in a %s ends the sequences of its step and no others", async (run) => {
    const { engine, runner, failures, running, prefilling, waiting } = await threeInFlight();
    if (run === "decode") await runner.finishRun();
    expect(runner.calls.at(-1)).toMatch(run);
    const cause = new Error("out of memory");
    runner.failWith(cause);
    runner.release();
    for (const { end } of [running, prefilling]) {
      const error = await end;
      expect(error).toBeInstanceOf(InternalError);
      expect(error).toMatchObject({ cause });
    }
    expect(await waiting.end).toBeUndefined();
    expect(waiting.events).toEqual(["started 1", '"u" 1', '"v" 2 max-tokens']);
    expect([failures, engine.counts]).toEqual([[cause], { ...idle, freeSlots: 2 }]);
  });

  test("ends them with the error itself where that is one of ours", async () => {
    const { ask, runner } = startBatching();
    const error = new InternalError("RunWithBinding failed");
    runner.failWith(error);
    expect(await ask("a").end).toBe(error);
    expect(await ask("a").end).toBeUndefined();
  });

  test("tells what was there before, then the error", async () => {
    const { ask, runner } = startHeld();
    const { events, end } = ask("a");
    await quiet();
    await runner.finishRun();
    runner.failWith(new Error("broken"));
    runner.release();
    expect(await end).toBeInstanceOf(InternalError);
    expect(events).toEqual(["started 1", '"b" 1']);
  });

  test("after its caller has gone is reported all the same, and the engine goes on", async () => {
    const { engine, ask, runner, failures } = startHeld();
    const caller = new AbortController();
    const gone = ask("a", {}, caller.signal);
    await quiet();
    caller.abort();
    await gone.end;
    runner.failWith(new Error("broken"));
    runner.release();
    expect(await ask("m").end).toBeUndefined();
    expect([failures.length, engine.counts]).toEqual([1, idle]);
  });
});

describe("what is wrong with one sequence alone", () => {
  const throwsFor = (letter: string) => (id: number) => {
    if (idsOf(letter)[0] === id) throw new Error(`no entry for ${letter}`);
    return Buffer.from([id]);
  };
  const pieceThrowsFor = (letter: string) => (id: number) => throwsFor(letter)(id).toString();
  const nanAfter =
    (letter: string): Script =>
    (prompt, completion) =>
      (prompt + completion).endsWith(letter) ? broken : alphabet(prompt, completion);

  const troubles = [
    { what: "logits that are NaN", options: { script: nanAfter("c") }, fields: {} },
    { what: "logits that are NaN, sampled", options: { script: nanAfter("c") }, fields: { method: "sample" as const } },
    {
      what: "logits that are NaN, with details",
      options: { script: nanAfter("c") },
      fields: { details: { completionTokens: true, logprobs: true } },
    },
    {
      what: "logits of its prompt that are NaN",
      options: { script: nanAfter("x") },
      fields: { details: { promptTokens: true, logprobs: true } },
    },
    { what: "a token without bytes", options: { tokenizer: { bytesOf: throwsFor("d") } }, fields: {} },
    {
      what: "a token that has no piece",
      options: { tokenizer: { pieceOf: pieceThrowsFor("d") } },
      fields: { details: { completionTokens: true } },
    },
    {
      what: "a prompt token that has no piece",
      options: { tokenizer: { pieceOf: pieceThrowsFor("x") } },
      fields: { details: { promptTokens: true } },
    },
  ];

  test.each(troubles)("ends that sequence alone: $what", async ({ options, fields }) => {
    const { engine, ask, failures, runner } = startHeld(options);
    const before = ask("m", { maxNewTokens: 6 });
    await quiet();
    await runner.finishRun();
    const wrong = ask("xa", fields);
    const after = ask("n", { maxNewTokens: 6 });
    runner.release();
    expect(await wrong.end).toBeInstanceOf(InternalError);
    expect([await before.end, await after.end]).toEqual([undefined, undefined]);
    expect(before.events).toEqual(["started 1", '"n" 1', '"o" 2', '"p" 3', '"q" 4', '"r" 5', '"s" 6 max-tokens']);
    expect(after.events.at(-1)).toBe('"t" 6 max-tokens');
    expect([failures.length, engine.counts]).toEqual([1, idle]);
  });

  test("is not even looked at when its caller has gone", async () => {
    const { ask, runner, failures } = startHeld({ script: () => broken });
    const caller = new AbortController();
    const { end } = ask("a", { details: { promptTokens: true, logprobs: true } }, caller.signal);
    await quiet();
    caller.abort();
    expect(await end).toBeInstanceOf(CancelledError);
    await runner.finishRun();
    expect(failures).toEqual([]);
  });
});

describe("draining", () => {
  test("refuses new requests, however full the server is, and lets those in flight finish", async () => {
    const { engine, ask, runner } = startHeld({ slots: 1, maxSequences: 2 });
    const answers = [ask("a", { maxNewTokens: 3 }), ask("m", { maxNewTokens: 2 })];
    await quiet();
    expect(await ask("x").end).toBeInstanceOf(OverCapacityError);
    const drained = engine.drain(60_000);
    expect(await ask("x").end).toBeInstanceOf(UnavailableError);
    runner.release();
    await drained;
    expect(engine.counts).toEqual({ ...idle, freeSlots: 1 });
    expect(await Promise.all(answers.map(({ end }) => end))).toEqual([undefined, undefined]);
    expect(answers.map(({ events }) => events.at(-1))).toEqual(['"d" 3 max-tokens', '"o" 2 max-tokens']);
    expect(await ask("x").end).toBeInstanceOf(UnavailableError);
  });

  test("ends what is left after the grace, and resolves when the run under way is over", async () => {
    const { engine, ask, runner } = startHeld({ slots: 1 });
    const left = [ask("a"), ask("m")];
    await quiet();
    let isDrained = false;
    const drained = engine.drain(0).then(() => (isDrained = true));
    const errors = await Promise.all(left.map(({ end }) => end));
    await quiet();
    expect([errors, isDrained]).toEqual([[expect.any(UnavailableError), expect.any(UnavailableError)], false]);
    runner.release();
    await drained;
    expect(runner.calls).toEqual(["prefill 0 [0,1)"]);
  });

  test("waits for a run whose caller has gone", async () => {
    const { engine, ask, runner } = startHeld();
    const caller = new AbortController();
    ask("a", {}, caller.signal);
    await quiet();
    caller.abort();
    let isDrained = false;
    const drained = engine.drain(60_000).then(() => (isDrained = true));
    await quiet();
    expect(isDrained).toBe(false);
    runner.release();
    expect(await drained).toBe(true);
  });

  test("leaves no timer behind", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    onTestFinished(() => void vi.useRealTimers());
    const { engine, ask } = startBatching();
    const answer = ask("a");
    const drained = engine.drain(60_000);
    const timers = vi.getTimerCount();
    await Promise.all([drained, answer.end]);
    expect([timers, vi.getTimerCount()]).toEqual([1, 0]);
  });

  test("an idle engine is done at once", async () => {
    await startBatching().engine.drain(60_000);
  });

  test("twice is done for both when it is done, the shorter grace counting", async () => {
    const { engine, ask, runner } = startHeld();
    const left = ask("a");
    await quiet();
    const drained = Promise.all([engine.drain(60_000), engine.drain(0)]);
    expect(await left.end).toBeInstanceOf(UnavailableError);
    runner.release();
    await drained;
    expect(engine.counts).toEqual(idle);
  });
});
