import { expect, test } from "vitest";
import type { EngineOptions, UncheckedRequest } from "../../../src/engine/index.js";
import { fixture } from "../../support/checkpoints.js";
import { complete, startTestEngine, type Completion } from "../../support/engine.js";
import { Random } from "../../support/random.js";

const folder = fixture("micro-gpt2");
const details = { completionTokens: true, logprobs: true, ranks: true, topN: 2 };

/** Prompts of which many begin alike, for from a few to some tens of tokens. */
function prompts(count: number): string[] {
  const random = new Random(5);
  const words = ["the ", "whale ", "torch ", "1 ", "GPT", "config ", "and "];
  const text = (length: number): string => Array.from({ length }, () => random.pick(words)).join("");
  const beginnings = [9, 14, 20, 26].map(text);
  return Array.from({ length: count }, () => (random.pick(beginnings) ?? "") + text(random.integer(0, 6)));
}

const asked = prompts(40).map((prompt, i): UncheckedRequest => {
  const sampling =
    i % 3 === 0 ? { method: "sample" as const, seed: BigInt(i), topK: 20 } : { method: "greedy" as const };
  return { prompt, ...sampling, maxNewTokens: 1 + (i % 12), details };
});

interface Run {
  readonly answers: readonly Completion[];
  readonly reusedTokens: number;
}

/** Asks `atOnce` of them at a time. */
async function run(options: Partial<EngineOptions>, atOnce: number): Promise<Run> {
  using running = await startTestEngine(folder, options);
  let reusedTokens = 0;
  running.engine.observe({ finished: (sequence) => (reusedTokens += sequence.reusedTokens) });
  const answers: Completion[] = new Array<Completion>(asked.length);
  const queue = asked.entries();
  const ask = async (): Promise<void> => {
    for (const [index, request] of queue) answers[index] = await complete(running.engine, request);
  };
  await Promise.all(Array.from({ length: atOnce }, ask));
  return { answers, reusedTokens };
}

const without = run({ prefixCacheTokens: 0, maxSlots: 1 }, 1);

test("nothing is reused when that is switched off", async () => {
  expect((await without).reusedTokens).toBe(0);
});

test.each([
  { maxSlots: 1, atOnce: 1 },
  { maxSlots: 4, atOnce: 1 },
  { maxSlots: 4, atOnce: 4 },
  { maxSlots: 6, atOnce: 12, prefillChunkTokens: 20 },
])("answers are the same bits whether prompts are computed or reused: %o", async ({ atOnce, ...options }) => {
  const { answers, reusedTokens } = await run(options, atOnce);
  expect(answers).toEqual((await without).answers);
  expect(reusedTokens).toBeGreaterThan(100);
});
