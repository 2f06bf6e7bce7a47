import { getEventListeners } from "node:events";
import { describe, expect, test } from "vitest";
import { CancelledError } from "../../src/errors.js";
import { startBatching, startHeld, type BatchingOptions } from "../support/batching.js";
import { quiet, saying } from "../support/scripted-runner.js";

describe("a text ends", () => {
  /** All events of one greedy request but the first. */
  async function told(options: BatchingOptions, fields = {}, prompt = "a"): Promise<string[]> {
    const { events, end } = startBatching(options).ask(prompt, fields);
    expect(await end).toBeUndefined();
    return events.slice(1);
  }

  test("at its maximum of tokens, or where the context ends", async () => {
    expect(await told({}, { maxNewTokens: 1 })).toEqual(['"b" 1 max-tokens']);
    expect(await told({ maxSequenceLength: 3 }, { maxNewTokens: 3 })).toEqual(['"b" 1', '"c" 2 token-limit']);
    expect(await told({}, {}, "a".repeat(63))).toEqual(['"b" 1 token-limit']);
  });

  test("at any token that ends texts, which counts and has no text", async () => {
    expect(await told({ script: saying("b$c") })).toEqual(['"b" 1', '"" 2 eos']);
    expect(await told({ script: saying("b#c"), ends: "$#" })).toEqual(['"b" 1', '"" 2 eos']);
  });

  test("not before its minimum of tokens, up to which the end is passed over for the next best", async () => {
    const script = (_prompt: string, completion: string): string => (completion.length === 0 ? "$#x" : "$#y");
    const fields = { minNewTokens: 2, details: { completionTokens: true } };
    expect(await told({ script, ends: "$#" }, fields)).toEqual(['"x" 1 [x]', '"y" 2 [y]', '"" 3 [$] eos']);
  });

  test("with a stop sequence that spans tokens, included", async () => {
    const fields = { stopSequences: ["def"], includeStopSequence: true };
    expect(await told({}, fields)).toEqual(['"b" 1', '"c" 2', '"d" 3', '"e" 4', '"f" 5 stop-sequence def']);
  });

  test("before a stop sequence that is not included: no part of it is ever told", async () => {
    const fields = { stopSequences: ["def"], includeStopSequence: false };
    expect(await told({}, fields)).toEqual(['"b" 1', '"c" 2', '"" 5 stop-sequence def']);
    const script = saying("dedeff");
    expect(await told({ script }, fields)).toEqual(['"de" 3', '"" 5 stop-sequence def']);
  });

  test("with what was held back when the stop sequence does not come", async () => {
    const fields = { stopSequences: ["def"], includeStopSequence: false, maxNewTokens: 4 };
    expect(await told({}, fields)).toEqual(['"b" 1', '"c" 2', '"de" 4 max-tokens']);
  });

  test("with one event for each token where tokens are listed, also while text is held back", async () => {
    const fields = { stopSequences: ["cd"], includeStopSequence: false, details: { completionTokens: true } };
    expect(await told({}, fields)).toEqual(['"b" 1 [b]', '"" 2 [c]', '"" 3 [d] stop-sequence cd']);
  });
});

describe("a time limit", () => {
  test("ends a running sequence with the token that it gets then", async () => {
    const { ask, runner, clock } = startHeld();
    const { events, end } = ask("a", { timeLimitMs: 100 });
    await quiet();
    await runner.finishRun();
    clock.ms = 99;
    await runner.finishRun();
    clock.ms = 100;
    runner.release();
    expect(await end).toBeUndefined();
    expect(events).toEqual(["started 1", '"b" 1', '"c" 2', '"d" 3 time-limit']);
  });

  test("that is over while the sequence waits ends it without a token", async () => {
    const { engine, ask, runner, clock } = startHeld({ slots: 1 });
    ask("a", { maxNewTokens: 3 });
    const waiting = ask("m", { timeLimitMs: 100 });
    await quiet();
    clock.ms = 100;
    await runner.finishRun();
    expect(await waiting.end).toBeUndefined();
    expect(waiting.events).toEqual(["started 1", '"" 0 time-limit']);
    expect(engine.counts.waiting).toBe(0);
  });

  test("leaves at least one token to a request that finds the server idle", async () => {
    const { ask, runner, clock } = startHeld();
    const { events, end } = ask("a", { timeLimitMs: 1 });
    await quiet();
    clock.ms = 1000;
    runner.release();
    expect(await end).toBeUndefined();
    expect(events).toEqual(["started 1", '"b" 1 time-limit']);
  });

  test("lets a long prompt finish its prefill, so that there is a token, though others wait", async () => {
    const { ask, runner, clock } = startHeld({ prefillChunkTokens: 2 });
    const { events, end } = ask("abcdef", { timeLimitMs: 1 });
    ask("m");
    await quiet();
    await runner.finishRun();
    clock.ms = 1000;
    runner.release();
    expect(await end).toBeUndefined();
    expect(events).toEqual(["started 6", '"g" 1 time-limit']);
  });

  test("does not change why a text has ended before it", async () => {
    const late = startBatching({ slots: 1, tokenizer: { bytesOf: (id) => ((late.clock.ms = 1000), Buffer.of(id)) } });
    const first = late.ask("a", { timeLimitMs: 100, maxNewTokens: 1 });
    const waiting = late.ask("m", { maxNewTokens: 1 });
    expect(await Promise.all([first.end, waiting.end])).toEqual([undefined, undefined]);
    expect(first.events).toEqual(["started 1", '"b" 1 max-tokens']);
  });
});

const idle = { waiting: 0, prefilling: 0, running: 0, freeSlots: 4 };

describe("a caller that goes away", () => {
  /** How far the sequence of ten prompt tokens is after so many runs of chunks of four, while the next is under way. */
  const states = [
    { state: "prefilling its first chunk", runs: 0, calls: ["prefill 0 [0,4)"] },
    { state: "prefilling its second chunk", runs: 1, calls: ["prefill 0 [0,4)", "prefill 0 [4,8)"] },
    { state: "about to get its first token", runs: 2, calls: ["prefill 0 [4,8)", "prefill 0 [8,10)"] },
    { state: "running", runs: 4, calls: ["decode k@10", "decode l@11"] },
  ];

  test.each(states)("while the sequence is $state frees its slot at once", async ({ runs, calls }) => {
    const { engine, ask, runner } = startHeld({ prefillChunkTokens: 4 });
    const caller = new AbortController();
    const gone = ask("abcdefghij", {}, caller.signal);
    await quiet();
    for (let run = 0; run < runs; run++) await runner.finishRun();
    const heard = [...gone.events];
    caller.abort();
    expect([engine.counts, runner.calls.slice(-2)]).toEqual([idle, calls]);
    expect(await gone.end).toBeInstanceOf(CancelledError);
    const next = ask("m", { maxNewTokens: 2 });
    runner.release();
    expect(await next.end).toBeUndefined();
    expect(runner.calls.slice(-2)).toEqual(["prefill 0 [0,1)", "decode n@1"]);
    expect([gone.events, next.events]).toEqual([heard, ["started 1", '"n" 1', '"o" 2 max-tokens']]);
  });

  test("while the sequence waits takes it out of the queue", async () => {
    const { engine, ask, runner } = startHeld({ slots: 1 });
    const caller = new AbortController();
    const running = ask("a", { maxNewTokens: 2 });
    const gone = ask("m", {}, caller.signal);
    await quiet();
    await runner.finishRun();
    const waiting = [engine.counts.waiting];
    caller.abort();
    expect([...waiting, engine.counts.waiting]).toEqual([1, 0]);
    runner.release();
    expect([await gone.end, await running.end]).toEqual([expect.any(CancelledError), undefined]);
    expect([gone.events, runner.calls]).toEqual([["started 1"], ["prefill 0 [0,1)", "decode b@1"]]);
  });

  test("by leaving its loop does the same", async () => {
    const { engine, runner } = startHeld();
    const patience = new AbortController();
    const events = engine.generate({ prompt: "a", method: "greedy" }, patience.signal);
    const leaving = (async () => {
      for await (const event of events) if (event.type === "tokens") break;
    })();
    await quiet();
    await runner.finishRun();
    await leaving;
    expect(engine.counts).toEqual(idle);
    expect(getEventListeners(patience.signal, "abort")).toEqual([]);
  });

  test("before it asks is not served", async () => {
    const { engine, ask, runner } = startBatching();
    expect(await ask("a", {}, AbortSignal.abort()).end).toBeInstanceOf(CancelledError);
    expect([engine.counts, runner.calls]).toEqual([idle, []]);
  });

  test("after the end is nobody's loss, and its signal is let go", async () => {
    const { ask } = startBatching();
    const caller = new AbortController();
    const { end } = ask("a", { maxNewTokens: 2 }, caller.signal);
    expect(await end).toBeUndefined();
    expect(getEventListeners(caller.signal, "abort")).toEqual([]);
  });
});
