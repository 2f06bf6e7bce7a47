import { describe, expect, test } from "vitest";
import { RequestSource } from "../../../bench/load/scenario/requests.js";
import { readScenario, type Traffic } from "../../../bench/load/scenario/scenario.js";
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
