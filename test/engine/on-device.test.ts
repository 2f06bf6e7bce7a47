/** The whole engine over a graph that selects on its device, on the CPU and on a device that JavaScript cannot see. */
import { isDeepStrictEqual } from "node:util";
import { describe, expect, test } from "vitest";
import { fixture } from "../support/checkpoints.js";
import { complete, startTestEngine, type Completion, type TestEngine } from "../support/engine.js";
import { onFakeDevice } from "../support/fake-device.js";
import { randomRequests, type Asked } from "../support/random-request.js";
import { completeReferences } from "../support/reference.js";

const micro = fixture("micro-gpt2");
const references = completeReferences(`${micro}/reference.json`);
const details = { promptTokens: true, completionTokens: true, logprobs: true, ranks: true, topN: 5 };
const selection = "on-device";
/** A fast engine for many requests, whose short texts leave room for all kinds of them. */
const sizes = { maxSlots: 8, prefillChunkTokens: 16 };

const engines: readonly (readonly [where: string, start: (folder: string) => Promise<TestEngine>])[] = [
  ["the CPU", (folder) => startTestEngine(folder, { ...sizes, selection })],
  ["a device", (folder) => startTestEngine(folder, { ...sizes, selection, session: onFakeDevice })],
];

const answers = ({ engine }: TestEngine, asked: readonly Asked[]): Promise<Completion[]> =>
  Promise.all(asked.map((request) => complete(engine, request)));

describe.each(engines)("selection on %s", (_, start) => {
  test.for(["micro-gpt2", "gpt2-vocab"])("gives the reference's greedy tokens of %s", async (name) => {
    using running = await start(fixture(name));
    const prompts = completeReferences(`${fixture(name)}/reference.json`);
    const asked = prompts.map(({ prompt, greedy }) => ({ prompt, maxNewTokens: greedy.ids.length }));
    const plain = await answers(
      running,
      asked.map((request) => ({ ...request, details: { completionTokens: true } })),
    );
    expect(plain.map(({ tokens }) => tokens.map(({ id }) => id))).toEqual(prompts.map(({ greedy }) => greedy.ids));
  });

  test("gives what selection on the host gives, whatever is asked", async () => {
    const prompts = references.map(({ prompt }) => prompt);
    const asked = randomRequests(4, 120, prompts);
    using selecting = await start(micro);
    using plain = await startTestEngine(micro, sizes);
    const [found, expected] = [await answers(selecting, asked), await answers(plain, asked)];
    expect(found.length).toBe(asked.length);
    expect(asked.filter((_each, index) => !isDeepStrictEqual(found[index], expected[index]))).toEqual([]);
  });
});

test("a device in float16 says of the reference's prompts what the reference says, up to rounding", async () => {
  using running = await startTestEngine(micro, {
    ...{ ...sizes, selection, session: onFakeDevice },
    ...{ dtype: "float16", isFloat16Forced: true },
  });
  const asked = references.map(({ prompt }) => ({ prompt, maxNewTokens: 1, details }));
  const found = await answers(running, asked);
  const distances = references.flatMap(({ input_logprobs: expected }, index) =>
    expected.slice(1).map((logprob, at) => Math.abs((found[index]?.prompt[at + 1]?.logprob ?? NaN) - (logprob ?? NaN))),
  );
  expect(running.model.kvDtype).toBe("float16");
  expect(Math.max(...distances)).toBeGreaterThan(0);
  // Two logits of which each is off by what test/model/precision/float16.test.ts allows.
  expect(Math.max(...distances)).toBeLessThan(0.022);
});
