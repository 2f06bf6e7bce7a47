import { describe, expect, test } from "vitest";
import { OverCapacityError } from "../../src/errors.js";
import { InvalidRequestError } from "../../src/engine/violations.js";
import { show, startBatching, startHeld } from "../support/batching.js";
import { Random } from "../support/random.js";
import { idsOf, quiet } from "../support/scripted-runner.js";

const idle = { waiting: 0, prefilling: 0, running: 0, freeSlots: 4 };
const listed = { promptTokens: true, completionTokens: true };

describe("events", () => {
  test("are: started, the prompt's tokens, one for each token, and the reason to stop with the last", async () => {
    const { events, end } = startBatching().ask("xab", { maxNewTokens: 3, details: listed });
    expect(await end).toBeUndefined();
    expect(events).toEqual(["started 3", "prompt x a b", '"c" 1 [c]', '"d" 2 [d]', '"e" 3 [e] max-tokens']);
  });

  test("are those of the ids when the prompt is given as ids, whose text is only told", async () => {
    const given = { promptTokenIds: idsOf("xab"), includePromptText: true };
    const { events, end } = startBatching().ask("text", { ...given, maxNewTokens: 1, details: listed });
    expect(await end).toBeUndefined();
    expect(events).toEqual(["started 3 text", "prompt x a b", '"c" 1 [c] max-tokens']);
  });

  test("say at once that the request has started, even while it waits for a slot", async () => {
    const { ask, runner } = startHeld({ slots: 1 });
    ask("a");
    const waiting = ask("m", { includePromptText: true });
    await quiet();
    expect([waiting.events, runner.calls]).toEqual([["started 1 m"], ["prefill 0 [0,1)"]]);
  });

  test("carry the seed of a sampled request, and 0 for a greedy one", async () => {
    const { engine } = startBatching();
    const seeds: unknown[] = [];
    for (const fields of [{ method: "greedy" }, { method: "sample" }, { method: "sample", seed: 12n }] as const) {
      const events = engine.generate({ prompt: "a", maxNewTokens: 1, ...fields }, new AbortController().signal);
      for await (const event of events) if (event.type === "started") seeds.push(event.seed);
    }
    expect(seeds).toEqual([0n, 7n, 12n]);
  });

  test("tell of a token while the next run is under way", async () => {
    const { ask, runner } = startHeld();
    const { events } = ask("a", { maxNewTokens: 3 });
    await quiet();
    const heard = [[...events, runner.calls.at(-1)]];
    for (let run = 0; run < 2; run++) {
      await runner.finishRun();
      heard.push([...events, runner.calls.at(-1)]);
    }
    expect(heard).toEqual([
      ["started 1", "prefill 0 [0,1)"],
      ["started 1", '"b" 1', "decode b@1"],
      ["started 1", '"b" 1', '"c" 2', "decode c@2"],
    ]);
  });

  test.each([
    ["while the next run is under way, where a core is left for that", false, [2, 3, 3]],
    ["before the next run is launched, where none is left", true, [1, 2, 3]],
  ])("tell of a token %s", async (_, isTellingBetweenSteps, launched) => {
    const { engine, runner } = startBatching({ isTellingBetweenSteps });
    const heard: number[] = [];
    const request = { prompt: "a", method: "greedy", maxNewTokens: 3 } as const;
    for await (const { type } of engine.generate(request, new AbortController().signal)) {
      if (type !== "started") heard.push(runner.calls.length);
    }
    expect(heard).toEqual(launched);
  });

  test("list the tokens of a prompt that is prefilled in chunks once, after its last chunk", async () => {
    const { ask, runner } = startHeld({ prefillChunkTokens: 3 });
    const { events } = ask("abcdefg", { maxNewTokens: 1, details: { promptTokens: true } });
    await quiet();
    await runner.finishRun();
    await runner.finishRun();
    expect([events, runner.calls.at(-1)]).toEqual([["started 7"], "prefill 0 [6,7)"]);
    await runner.finishRun();
    expect(events).toEqual(["started 7", "prompt a b c d e f g", '"h" 1 max-tokens']);
  });

  test("wait for a caller that is slow, and hold up nobody else", async () => {
    const { engine, ask } = startBatching();
    const slow = engine.generate({ prompt: "a", method: "greedy", maxNewTokens: 3 }, new AbortController().signal);
    await slow.next();
    const other = ask("m", { maxNewTokens: 5 });
    expect(await other.end).toBeUndefined();
    const events: string[] = [];
    for await (const event of slow) events.push(show(event));
    expect(events).toEqual(['"b" 1', '"c" 2', '"d" 3 max-tokens']);
  });
});

describe("steps", () => {
  test("are shared by all sequences that run", async () => {
    const { ask, runner } = startBatching();
    const answers = ["a", "m", "t"].map((prompt) => ask(prompt, { maxNewTokens: 3 }));
    await Promise.all(answers.map(({ end }) => end));
    expect(runner.calls).toEqual([
      ...["prefill 0 [0,1)", "prefill 1 [0,1)", "prefill 2 [0,1)"],
      ...["decode b@1 n@1 u@1", "decode c@2 o@2 v@2"],
    ]);
  });

  test("take in sequences that come later, and go on with those that stay when one ends", async () => {
    const { ask, runner } = startHeld({ slots: 2 });
    const first = ask("a", { maxNewTokens: 2 });
    await quiet();
    const others = [ask("m", { maxNewTokens: 3 }), ask("t", { maxNewTokens: 1 })];
    runner.release();
    await Promise.all([first, ...others].map(({ end }) => end));
    expect(runner.calls).toEqual([
      "prefill 0 [0,1)",
      ...["prefill 1 [0,1)", "decode b@1"], // "a" ends, and "t" takes its slot
      ...["prefill 0 [0,1)", "decode from 1: n@1"], // and ends at once
      "decode from 1: o@2",
    ]);
  });

  test("give everyone what it would get alone, while others come, go and move", async () => {
    const random = new Random(3);
    const { engine, ask, runner } = startBatching({ slots: 5, prefillChunkTokens: 4, maxSequences: 1000 });
    const letters = "abcdefghijklmnopqrstuvwxyz".repeat(3);
    const one = async (): Promise<readonly [string, string]> => {
      const [start, promptTokens, maxNewTokens] = [random.integer(0, 26), random.integer(1, 12), random.integer(1, 20)];
      const patience = random.chance(0.3) ? random.integer(0, 20) : Infinity;
      const asked = { prompt: letters.slice(start, start + promptTokens), method: "greedy", maxNewTokens } as const;
      let [text, tokens] = ["", 0];
      for await (const event of engine.generate(asked, new AbortController().signal)) {
        if (event.type === "tokens") [text, tokens] = [text + event.text, event.completionTokens];
        if (tokens >= patience) break;
      }
      const end = start + promptTokens;
      return [text, letters.slice(end, end + Math.min(maxNewTokens, patience))];
    };
    const texts = await Promise.all(Array.from({ length: 300 }, one));
    expect(texts.map(([text]) => text)).toEqual(texts.map(([, expected]) => expected));
    expect(runner.calls.filter((call) => call.startsWith("copy")).length).toBeGreaterThan(20);
    expect(engine.counts).toEqual({ ...idle, freeSlots: 5 });
    await ask("a").end;
  });
});

describe("a request that is not served", () => {
  test("is refused at once when too many are in flight, before anything else of it is looked at", async () => {
    const encoded: string[] = [];
    const encode = (text: string): number[] => idsOf((encoded.push(text), text));
    const { ask, engine } = startHeld({ maxSequences: 2, slots: 1, tokenizer: { encode } });
    ask("a");
    ask("b");
    const refused = await ask("c", { minNewTokens: 9, maxNewTokens: 3 }).end;
    expect(refused).toBeInstanceOf(OverCapacityError);
    expect(refused).toMatchObject({ limit: 2 });
    expect([encoded, engine.counts]).toEqual([["a", "b"], { waiting: 2, prefilling: 0, running: 0, freeSlots: 1 }]);
  });

  test("is taken again once another has ended", async () => {
    const { ask } = startBatching({ maxSequences: 1 });
    await ask("a").end;
    expect(await ask("b").end).toBeUndefined();
  });

  const broken = [
    { what: "breaks a rule of its parameters", prompt: "a", fields: { minNewTokens: 9, maxNewTokens: 3 } },
    { what: "has no prompt", prompt: "", fields: {} },
    { what: "has a prompt that fills the context", prompt: "a".repeat(64), fields: {} },
  ];

  test.each(broken)("because it $what fails on the first next() and leaves nothing", async ({ prompt, fields }) => {
    const { engine, runner } = startBatching();
    const events = engine.generate({ prompt, method: "greedy", ...fields }, new AbortController().signal);
    await expect(events.next()).rejects.toThrow(InvalidRequestError);
    await expect(events.next()).resolves.toEqual({ done: true, value: undefined });
    expect([engine.counts, runner.calls]).toEqual([idle, []]);
  });

  test("because its prompt cannot be tokenized leaves nothing", async () => {
    const error = new Error("no such character");
    const encode = (): never => {
      throw error;
    };
    const { engine, ask } = startBatching({ tokenizer: { encode } });
    expect([await ask("a").end, engine.counts]).toEqual([error, idle]);
  });

  test("is none as long as nobody listens", async () => {
    const { engine, runner } = startBatching();
    engine.generate({ prompt: "a", method: "greedy" }, new AbortController().signal);
    await quiet();
    expect([engine.counts, runner.calls]).toEqual([idle, []]);
  });
});
