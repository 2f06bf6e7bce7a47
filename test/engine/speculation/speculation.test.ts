import { describe, expect, test } from "vitest";
import { PromptLookup } from "../../../src/engine/speculation/prompt-lookup.js";
import { Speculator } from "../../../src/engine/speculation/speculator.js";
import { alphabet, idsOf, saying, textOf, vocabularySize, type Script } from "../../support/scripted-runner.js";
import { startBatching } from "../../support/batching.js";

describe("what may come next", () => {
  test.each([
    ["the whale and the wh", "ale "],
    ["one two one", " two"],
    ["abcab", "cabc"], // a circle: its end is followed by what follows there
    ["what a pity pity", " pit"],
    ["aaa", "aaaa"],
    ["ab1 cab2 ab", "2 ab"], // the latest
    ["xab1 yab2 xab", "1 ya"], // the longest ending
    ["abcdef", ""],
    ["aa", ""],
    ["a", ""],
  ])("after %o is %o", (text, expected) => {
    expect(textOf(new PromptLookup(idsOf(text), vocabularySize).draft(4))).toBe(expected);
  });

  test("is found in what was added since", () => {
    const tokenIds = idsOf("abcd");
    const lookup = new PromptLookup(tokenIds, vocabularySize);
    expect(lookup.draft(4)).toEqual([]);
    tokenIds.push(...idsOf("xab"));
    expect(textOf(lookup.draft(4))).toBe("cdxa");
  });
});

describe("a speculator", () => {
  const periodic = idsOf("abcdefghijklmnopqrstuvwxyz".repeat(3));
  const lengthOf = (speculator: Speculator): number => speculator.draft(100).length;

  test("guesses more as long as everything was right, up to 15 tokens, and as much as was right otherwise", () => {
    const speculator = new Speculator(periodic, vocabularySize);
    const lengths: number[] = [];
    for (const accepted of [4, 8, 15, 6]) {
      const drafted = lengthOf(speculator);
      lengths.push(drafted);
      speculator.verified(drafted, accepted);
    }
    expect([...lengths, lengthOf(speculator)]).toEqual([4, 8, 15, 15, 7]);
  });

  test("never guesses more than is wanted", () => {
    expect(new Speculator(periodic, vocabularySize).draft(2)).toHaveLength(2);
  });

  test("pauses for longer and longer while nothing is right, and begins anew when something is", () => {
    const speculator = new Speculator(periodic, vocabularySize);
    const pauses: number[] = [];
    for (const accepted of [0, 0, 0, 1, 0]) {
      let pause = 0;
      while (lengthOf(speculator) === 0) pause += 1;
      pauses.push(pause);
      speculator.verified(4, accepted);
    }
    expect(pauses).toEqual([0, 1, 2, 4, 0]);
  });
});

describe("an engine that guesses", () => {
  const details = { completionTokens: true };

  /** Events, and how many runs it took. */
  async function answer(script: Script, prompt: string, fields: object, isSpeculating: boolean) {
    const { ask, runner } = startBatching({ script, isSpeculating, slots: 2 });
    const answered = ask(prompt, fields);
    await answered.end;
    return { events: answered.events, runs: runner.calls.length };
  }

  test.each([
    ["periodic text", alphabet, "abcdefghijklmnopqrstuvwxyzabc", { maxNewTokens: 30, details }],
    [
      "text that ends within a draft",
      alphabet,
      "abcdefghijklmnopqrstuvwxyzabc",
      { maxNewTokens: 30, stopSequences: ["hi"] },
    ],
    ["text at whose end nothing is left", alphabet, "abcdefghijklmnopqrstuvwxyzabc", { maxNewTokens: 2, details }],
    ["text that turns out otherwise", saying("bcdbcxbcdbcybcdbcz"), "abcda", { maxNewTokens: 18, details }],
  ] as const)("says the same, event by event, of %s", async (_, script, prompt, fields) => {
    const plain = await answer(script, prompt, fields, false);
    const guessed = await answer(script, prompt, fields, true);
    expect(guessed.events).toEqual(plain.events);
  });

  test("takes fewer runs where it guesses right", async () => {
    const prompt = "abcdefghijklmnopqrstuvwxyzabc";
    const plain = await answer(alphabet, prompt, { maxNewTokens: 30 }, false);
    const guessed = await answer(alphabet, prompt, { maxNewTokens: 30 }, true);
    expect([plain.runs, guessed.runs]).toEqual([4 + 29, 4 + 3]); // four chunks; drafts of 4, of 8, and of what is left but one
  });
});
