/** The whole engine where decodes are captured and replayed, on a device that is imitated. */
import { isDeepStrictEqual } from "node:util";
import { expect, test, vi } from "vitest";
import type { EngineOptions } from "../../src/engine/index.js";
import { SessionRunner } from "../../src/engine/runner/session-runner.js";
import { fixture } from "../support/checkpoints.js";
import { complete, startTestEngine, type Completion, type TestEngine } from "../support/engine.js";
import { CapturingDevice, onFakeDevice } from "../support/fake-device.js";
import { randomRequests, type Asked } from "../support/random-request.js";
import { completeReferences } from "../support/reference.js";

const micro = fixture("micro-gpt2");
const prompts = completeReferences(`${micro}/reference.json`).map(({ prompt }) => prompt);
const options = { maxSlots: 20, prefillChunkTokens: 16, selection: "on-device" } as const;

const answers = ({ engine }: TestEngine, asked: readonly Asked[]): Promise<Completion[]> =>
  Promise.all(asked.map((request) => complete(engine, request)));

async function startCapturing(device = new CapturingDevice(), engineOptions: Partial<EngineOptions> = {}) {
  const givenUp: string[] = [];
  const running = await startTestEngine(micro, {
    ...options,
    ...engineOptions,
    session: (session) => device.place(session),
    onGraphsGivenUp: ({ message }) => givenUp.push(message),
  });
  return { ...running, device, givenUp };
}

test("replays over padded windows give what plain decodes give, whatever is asked", async () => {
  const asked = randomRequests(5, 120, prompts);
  using capturing = await startCapturing();
  using plain = await startTestEngine(micro, { ...options, session: onFakeDevice });
  const [found, expected] = [await answers(capturing, asked), await answers(plain, asked)];
  expect(asked.filter((_each, index) => !isDeepStrictEqual(found[index], expected[index]))).toEqual([]);
  expect(capturing.givenUp).toEqual([]);
  const { graphCaptures, graphReplays } = capturing.engine;
  // 20 slots have seven windows, each of two sides.
  expect([graphCaptures > 2, graphCaptures <= 14, graphReplays > 30]).toEqual([true, true, true]);
  expect([plain.engine.graphCaptures, plain.engine.graphReplays]).toEqual([0, 0]);
});

test("graphs that are given up cost no request its answer", async () => {
  const asked = randomRequests(6, 20, prompts);
  const device = new CapturingDevice({
    replayed: (_binding, replays) => {
      if (replays > 10) throw new Error("an illegal memory access was encountered");
    },
  });
  using capturing = await startCapturing(device);
  using plain = await startTestEngine(micro, { ...options, session: onFakeDevice });
  expect(await answers(capturing, asked)).toEqual(await answers(plain, asked));
  expect(capturing.givenUp).toEqual(["CUDA graphs are given up: a captured decode could not be replayed"]);
});

test("decodes that run ahead give what others give, with requests that are cut off among them", async () => {
  const asked = randomRequests(9, 120, prompts).map((request, index) =>
    index % 3 === 0 ? request : { prompt: request.prompt, maxNewTokens: 12 + (index % 11) },
  );
  const answersWith = async (runsAhead: boolean): Promise<{ whole: Completion[]; aheads: number }> => {
    const device = new CapturingDevice();
    using running = await startCapturing(device, { runsAhead });
    const next = vi.spyOn(SessionRunner.prototype, "decodeNext");
    const whole: Promise<Completion>[] = [];
    for (const [index, request] of asked.entries()) {
      const cut = new AbortController();
      const completing = complete(running.engine, request, cut.signal);
      if (index % 7 === 0) completing.catch(() => undefined);
      else whole.push(completing);
      if (index % 5 === 0) await completing.catch(() => undefined); // now and then few run
      if (index % 7 === 0) cut.abort();
    }
    const completions = await Promise.all(whole);
    const aheads = next.mock.results.filter(({ value }) => value !== undefined).length;
    next.mockRestore();
    expect(running.givenUp).toEqual([]);
    return { whole: completions, aheads };
  };
  const [found, expected] = [await answersWith(true), await answersWith(false)];
  expect(found.whole).toEqual(expected.whole);
  expect([found.aheads > 50, expected.aheads]).toEqual([true, 0]);
});
