import { expect, test } from "vitest";
import { complete } from "../support/engine.js";
import { completeReferences, fixtures } from "../support/reference.js";
import { startOnDevice } from "./support/device.js";

const details = { completionTokens: true, logprobs: true };
const prompts = completeReferences(`${fixtures}/tiny-reference.json`).map(({ prompt }) => prompt);

test("a request that runs alone gives the same tokens and the same bits of logprobs every time", async () => {
  const { engine } = await startOnDevice("models/tiny", "--prefix-cache-tokens=0");
  const [prompt = ""] = prompts;
  const asked = { prompt, maxNewTokens: 32, details };
  const sampled = { ...asked, method: "sample" as const, temperature: 0.9, seed: 7n };
  for (const request of [asked, sampled]) {
    const first = await complete(engine, request);
    expect(first.tokens.length).toBe(32);
    for (let time = 0; time < 5; time += 1) expect((await complete(engine, request)).tokens).toEqual(first.tokens);
  }
});

test("of requests that run together, some may part from what they are alone, and the report says how many", async ({
  annotate,
}) => {
  const { engine } = await startOnDevice("models/tiny", "--prefix-cache-tokens=0");
  const asked = prompts.map((prompt) => ({ prompt, maxNewTokens: 32, minNewTokens: 32 }));
  const alone: string[] = [];
  for (const request of asked) alone.push((await complete(engine, request)).text);
  const together = await Promise.all(asked.map(async (request) => complete(engine, request)));
  expect(together.map(({ completionTokens }) => completionTokens)).toEqual(asked.map(() => 32));
  const same = together.filter(({ text }, index) => text === alone[index]).length;
  await annotate(`${same} of ${alone.length} greedy texts are the same alone and together`);
});
