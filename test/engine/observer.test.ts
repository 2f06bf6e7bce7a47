import { describe, expect, test } from "vitest";
import { observeAll, type Caller, type EngineEvents, type EngineObserver } from "../../src/engine/observer.js";
import { startBatching, startHeld, type Batching, type BatchingOptions } from "../support/batching.js";
import { quiet } from "../support/scripted-runner.js";

type Told = { [Name in keyof EngineEvents]: readonly [Name, EngineEvents[Name]] }[keyof EngineEvents];

/** Notes every event. */
function noteAll(told: Told[]): EngineObserver {
  return {
    tokenized: (event) => told.push(["tokenized", event]),
    refused: (event) => told.push(["refused", event]),
    admitted: (event) => told.push(["admitted", event]),
    started: (event) => told.push(["started", event]),
    runLaunched: (event) => told.push(["runLaunched", event]),
    runFinished: (event) => told.push(["runFinished", event]),
    runFailed: (event) => told.push(["runFailed", event]),
    stepFinished: (event) => told.push(["stepFinished", event]),
    tokenChosen: (event) => told.push(["tokenChosen", event]),
    finished: (event) => told.push(["finished", event]),
  };
}

function observed(batching: Batching): Batching & { readonly told: Told[] } {
  const told: Told[] = [];
  batching.engine.observe(noteAll(told));
  return { ...batching, told };
}

const startObserved = (options?: BatchingOptions) => observed(startHeld(options));
const namesOf = (told: readonly Told[]): string[] => told.map(([name]) => name);

async function toEnd(events: AsyncIterator<unknown>): Promise<void> {
  while ((await events.next()).done !== true);
}

/** Lets the run under way take so long. */
async function finishAfter({ clock, runner }: Batching, ms: number): Promise<void> {
  clock.ms += ms;
  await runner.finishRun();
}

describe("an observer", () => {
  test("hears of a request from its admission to its end, with the time that each part took", async () => {
    const batching = startObserved();
    const { told, engine, clock } = batching;
    const caller: Caller = { requestId: "7", kind: "stream" };
    clock.ms = 1000;
    const request = { prompt: "ab", method: "greedy", maxNewTokens: 2 } as const;
    const events = engine.generate(request, new AbortController().signal, caller);
    await events.next();
    clock.ms += 5;
    await quiet();
    void events.next();
    await finishAfter(batching, 30);
    const end = toEnd(events);
    await finishAfter(batching, 20);
    await end;
    const decode = { method: "decode", sequences: 1, tokens: 1, contextTokens: 3, remainingTokens: 1 };
    expect(told.slice(0, -1)).toEqual([
      ["tokenized", { promptTokens: 2 }],
      ["admitted", { caller, promptTokens: 2, askedMaxNewTokens: 2, validationMs: 0 }],
      ["runLaunched", { method: "prefill", sequences: 1, tokens: 2, contextTokens: 2, remainingTokens: 2 }],
      ["started", { queueMs: 0 }],
      ["tokenChosen", { isFirst: true, waitedMs: 35 }],
      ["runFinished", { method: "prefill", tokens: 2, computeMs: 35, evaluateMs: 0 }],
      ["stepFinished", { durationMs: 35 }],
      ["runLaunched", decode],
      ["tokenChosen", { isFirst: false, waitedMs: 20 }],
      ["runFinished", { method: "decode", tokens: 1, computeMs: 20, evaluateMs: 0 }],
      ["stepFinished", { durationMs: 20 }],
    ]);
    expect(told.at(-1)).toEqual([
      "finished",
      {
        caller,
        request: expect.objectContaining({ promptText: "ab", maxNewTokens: 2 }) as unknown,
        completionTokens: 2,
        reusedTokens: 0,
        reason: "max-tokens",
        validationMs: 0,
        queueMs: 0,
        inferenceMs: 55,
        prefillMs: 35,
        totalMs: 55,
        inFlight: 0,
      },
    ]);
  });

  test("hears how long a request waited for a slot, which is no inference", async () => {
    const batching = startObserved({ slots: 1 });
    const { told, ask, runner } = batching;
    const first = ask("a", { maxNewTokens: 1 });
    const second = ask("m", { maxNewTokens: 1 });
    await quiet();
    await finishAfter(batching, 40);
    batching.clock.ms += 2;
    runner.release();
    await Promise.all([first.end, second.end]);
    const finished = told.flatMap(([name, event]) => (name === "finished" ? [event] : []));
    expect(finished.map(({ queueMs, inferenceMs, totalMs }) => [queueMs, inferenceMs, totalMs])).toEqual([
      [0, 40, 40],
      [40, 2, 42],
    ]);
    expect(told.filter(([name]) => name === "started").map(([, event]) => event)).toEqual([
      { queueMs: 0 },
      { queueMs: 40 },
    ]);
  });

  test("hears of every chunk of a prompt, and of all running sequences in one decode", async () => {
    const { told, ask, runner } = startObserved({ prefillChunkTokens: 3 });
    const answers = [ask("abcd", { maxNewTokens: 2 }), ask("m", { maxNewTokens: 3 })];
    runner.release();
    await Promise.all(answers.map(({ end }) => end));
    const runs = told.flatMap(([name, event]) =>
      name === "runLaunched" ? [`${event.method} ${event.sequences} ${event.tokens}`] : [],
    );
    expect(runs).toEqual(["prefill 1 3", "prefill 1 1", "prefill 1 1", "decode 2 2", "decode 1 1"]);
  });

  test("hears of a refused request what was wrong, and how long its prompt was if that is known", async () => {
    const { told, ask } = startObserved({ maxSequences: 1 });
    await Promise.all([ask("a".repeat(64)).end, ask("a", { minNewTokens: 9, maxNewTokens: 3 }).end]);
    void ask("a");
    const full = await ask("b").end;
    expect(namesOf(told).slice(0, 3)).toEqual(["tokenized", "refused", "refused"]);
    expect(told[0]?.[1]).toEqual({ promptTokens: 64 });
    expect(told).toContainEqual(["refused", { caller: {}, error: full }]);
  });

  test("hears that a run failed, and of each sequence that it ended", async () => {
    const { told, ask, runner } = startObserved();
    const answers = [ask("a"), ask("m")];
    await quiet();
    await runner.finishRun();
    const cause = new Error("out of memory");
    runner.failWith(cause);
    runner.release();
    await Promise.all(answers.map(({ end }) => end));
    expect(told.filter(([name]) => name === "runFailed")).toEqual([["runFailed", { method: "prefill" }]]);
    expect(namesOf(told).slice(-3)).toEqual(["runFailed", "finished", "finished"]);
    expect(told.at(-1)).toMatchObject(["finished", { reason: "error", error: { cause }, inFlight: 0 }]);
  });

  test("hears of a step that fails before its run as of a decode that failed", async () => {
    const { told, ask, runner } = observed(startBatching({ slots: 3 }));
    runner.copy = () => {
      throw new Error("no such row");
    };
    const answers = [ask("a"), ask("m", { maxNewTokens: 1 }), ask("t")]; // one of the others moves to where "m" was
    await Promise.all(answers.map(({ end }) => end));
    expect(namesOf(told).slice(-3)).toEqual(["runFailed", "finished", "finished"]);
    expect(told.at(-3)).toEqual(["runFailed", { method: "decode" }]);
  });

  test("hears nothing of a health check that fails", async () => {
    const { told, engine, runner } = observed(startBatching());
    runner.failWith(new Error("out of memory"));
    const asked = { prompt: "liveness", method: "greedy", maxNewTokens: 1 } as const;
    await expect(toEnd(engine.generate(asked, new AbortController().signal, { isProbe: true }))).rejects.toThrow();
    expect(told).toEqual([]);
  });

  test("hears the end of a request once, whether the client cancels it or stops listening", async () => {
    const { told, ask, engine } = observed(startBatching());
    const client = new AbortController();
    const cancelled = ask("a", {}, client.signal);
    client.abort();
    await cancelled.end;
    for await (const event of engine.generate({ prompt: "a", method: "greedy" }, new AbortController().signal)) {
      if (event.type === "tokens") break;
    }
    const reasons = told.flatMap(([name, event]) => (name === "finished" ? [event.reason] : []));
    expect(reasons).toEqual(["cancelled", "cancelled"]);
  });

  test("hears of a request whose time was over before it had a slot that it never ran", async () => {
    const batching = startObserved({ slots: 1 });
    const running = batching.ask("a", { maxNewTokens: 1 });
    const expired = batching.ask("m", { timeLimitMs: 10 });
    await quiet();
    await finishAfter(batching, 10);
    await Promise.all([running.end, expired.end]);
    expect(batching.told.find(([name, event]) => name === "finished" && event.reason === "time-limit")?.[1]).toEqual(
      expect.objectContaining({ queueMs: 10, inferenceMs: undefined, totalMs: 10, completionTokens: 0 }),
    );
  });

  test("hears nothing of a health check but the step that it ran in", async () => {
    const { told, engine } = observed(startBatching());
    const asked = { method: "greedy", maxNewTokens: 1 } as const;
    const probe = (prompt: string) =>
      engine.generate({ ...asked, prompt }, new AbortController().signal, { isProbe: true });
    await toEnd(probe("liveness"));
    await expect(toEnd(probe(""))).rejects.toThrow("no tokens");
    expect(namesOf(told)).toEqual(["stepFinished"]);
  });
});

test("observeAll tells all observers each event, in their order", () => {
  const told: string[] = [];
  const observer = observeAll(
    { stepFinished: ({ durationMs }) => told.push(`first ${durationMs}`) },
    {},
    { stepFinished: ({ durationMs }) => told.push(`third ${durationMs}`) },
  );
  observer.stepFinished?.({ durationMs: 3 });
  observer.started?.({ queueMs: 1 });
  expect(told).toEqual(["first 3", "third 3"]);
});

test("cachedTokens are those of all sequences that have a slot", async () => {
  const { engine, ask, runner } = startHeld({ slots: 2 });
  const answers = ["abc", "m", "t"].map((prompt) => ask(prompt, { maxNewTokens: 2 }));
  await quiet();
  const before = engine.cachedTokens;
  await runner.finishRun();
  await runner.finishRun();
  expect([before, engine.cachedTokens]).toEqual([0, 4]);
  runner.release();
  await Promise.all(answers.map(({ end }) => end));
  expect(engine.cachedTokens).toBe(0);
});
