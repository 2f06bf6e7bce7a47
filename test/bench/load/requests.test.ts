import { describe, expect, test } from "vitest";
import { cutText, drawPassage } from "../../../bench/load/scenario/passages.js";
import { RequestSource, type LoadRequest } from "../../../bench/load/scenario/requests.js";
import { readScenario, type Traffic } from "../../../bench/load/scenario/scenario.js";
import { shippedScenarios } from "../../../bench/load/scenario/shipped.js";
import { wordsOf } from "../../../bench/load/scenario/words.js";
import { loadTokenizer } from "../../../src/model/index.js";

const words = [" one", " two", " three", " four", " five", " six", " seven", " eight"];

function traffic(fields: Readonly<Record<string, unknown>> = {}): Traffic {
  const whole = { clients: 2, promptTokens: { from: 4, to: 20 }, completionTokens: { from: 2, to: 9 }, ...fields };
  const [first] = readScenario({ name: "test", seconds: 1, traffic: [whole] }).traffic;
  if (first === undefined) throw new Error("no traffic");
  return first;
}

const places = [0, 1, 2].flatMap((client) => [0, 1, 2].map((turn) => [client, turn] as const));
const allOf = (source: RequestSource) => places.map(([client, turn]) => source.request(client, turn));

describe("requests", () => {
  test("are the same for the same seed, in whatever order they are made", () => {
    const inOrder = allOf(new RequestSource(traffic(), words, 7, 0));
    const source = new RequestSource(traffic(), words, 7, 0);
    const reversed = [...places].reverse().map(([client, turn]) => source.request(client, turn));
    expect(reversed.reverse()).toEqual(inOrder);
  });

  test("differ by seed, traffic, client and turn", () => {
    const sources = [new RequestSource(traffic(), words, 7, 0), new RequestSource(traffic(), words, 8, 0)];
    const prompts = [...sources, new RequestSource(traffic(), words, 7, 1)].flatMap(allOf).map(({ prompt }) => prompt);
    expect(new Set(prompts).size).toBe(27);
  });

  test("have as many words as the prompt is to have tokens", () => {
    const requests = allOf(new RequestSource(traffic({ sharedTokens: 5 }), words, 1, 0));
    expect(requests.map(({ prompt }) => prompt.split(" ").length - 1)).toEqual(
      requests.map(({ promptTokens }) => promptTokens),
    );
  });

  test("begin with one of the shared prefixes, and each of these is there", () => {
    const shared = { sharedTokens: 12, sharedPrefixes: 3, promptTokens: 4 };
    const requests = allOf(new RequestSource(traffic(shared), words, 1, 0));
    const prefixes = requests.map(({ prompt }) => prompt.split(" ").slice(0, 13).join(" "));
    expect([new Set(prefixes).size, new Set(requests.map(({ prompt }) => prompt)).size]).toEqual([3, 9]);
  });
});

describe("prompts that are passages", () => {
  const text = cutText({ text: "In the beginning was the word.", ending: " In short:" }, (piece) => piece.length);
  const passageOf = (promptTokens: number): LoadRequest =>
    new RequestSource(traffic({ promptTokens }), words, 1, 0, text).request(0, 0);

  test("are as many whole words as fit, from the end of the text on to its beginning, and what follows them", () => {
    const drawn = [0, 0.5, 0.9].map((place) => drawPassage(text, 14, () => place));
    expect(drawn).toEqual([
      { text: "\n\nIn the", tokens: 8 }, // " beginning" would make 18
      { text: " was the word.", tokens: 14 },
      { text: " word.\n\nIn the", tokens: 14 },
    ]);
    const { prompt, promptTokens } = passageOf(40);
    expect(prompt).toMatch(/ In short:$/);
    expect([prompt.length, promptTokens <= 40, promptTokens > 30]).toEqual([promptTokens, true, true]);
  });

  test("have at least a word", () => {
    expect(passageOf(1).prompt).toMatch(/^\s+[A-Za-z.]+ In short:$/);
  });

  test("begin with shared passages", () => {
    const source = new RequestSource(traffic({ sharedTokens: 20, promptTokens: 30 }), words, 1, 0, text);
    const prompts = allOf(source).map(({ prompt }) => prompt);
    expect(new Set(prompts.map((prompt) => prompt.slice(0, 12))).size).toBe(1);
    expect(new Set(prompts).size).toBeGreaterThan(1);
  });

  test("have by the tokenizer as many tokens as they are said to have", async () => {
    const folder = "models/tiny";
    const tokenizer = await loadTokenizer(folder);
    const { countTokens } = await wordsOf(folder);
    const [summarise] = shippedScenarios.find(({ name }) => name === "summarise")?.traffic ?? [];
    if (summarise?.passages === undefined) throw new Error("summarise has no passages");
    const requests = allOf(new RequestSource(summarise, words, 1, 0, cutText(summarise.passages, countTokens)));
    expect(requests.map(({ prompt }) => tokenizer.encode(prompt).length)).toEqual(
      requests.map(({ promptTokens }) => promptTokens),
    );
    expect(Math.min(...requests.map(({ promptTokens }) => promptTokens))).toBeGreaterThan(390);
  });

  test("of a text without words are refused", () => {
    expect(() => cutText({ text: " \n", ending: "In short:" }, undefined)).toThrow("passages.text has no words");
  });

  test("count words where the tokenizer is not known", () => {
    expect(cutText({ text: "one two\n\nthree", ending: " In short:" }, undefined)).toEqual({
      pieces: ["\n\none", " two", "\n\nthree"].map((word) => ({ text: word, tokens: 1 })),
      ending: { text: " In short:", tokens: 2 },
    });
  });
});

describe("words", () => {
  test("of a tokenizer are one token each, also in a row", async () => {
    const folder = "test/fixtures/micro-gpt2";
    const { words, areTokens } = await wordsOf(folder);
    const tokenizer = await loadTokenizer(folder);
    const source = new RequestSource(traffic({ promptTokens: 64 }), words, 3, 0);
    expect([areTokens, tokenizer.encode(source.request(0, 0).prompt).length]).toEqual([true, 64]);
  });

  test("are common ones where there is no tokenizer, which nobody counts as tokens", async () => {
    const { words, areTokens } = await wordsOf(undefined);
    expect([areTokens, words[0], new Set(words).size > 100]).toEqual([false, " the", true]);
  });
});
