/**
 * Every optimisation on, each off alone, and all off: the answers are those of the plain path, in which every request
 * runs alone and nothing is optimised.
 */
import { isDeepStrictEqual } from "node:util";
import { beforeAll, describe, expect, test } from "vitest";
import type { Config } from "../../src/config/settings.js";
import { fixture } from "../support/checkpoints.js";
import { complete, type Completion, type TestEngine } from "../support/engine.js";
import { randomRequests, type Asked } from "../support/random-request.js";
import { completeReferences } from "../support/reference.js";
import { everythingOff, startSwitchedEngine, switches } from "../support/switches.js";

type Variant = readonly [name: string, given: Partial<Config>];

/** Chunks so short that the fixtures' prompts have several. */
const everythingOn: Partial<Config> = { prefillChunkTokens: 16 };
const variants: readonly Variant[] = [
  ["everything on", everythingOn],
  ["everything on, with whole prompts", {}], // longer ones run together, and later prompts begin behind them
  ...Object.entries(switches).map(([name, off]): Variant => [`all but ${name}`, { ...everythingOn, ...off }]),
];

/** A fixture with the prompts and greedy tokens of its reference, and random requests for the same prompts. */
function questions(folder: string, reference: string, randomCount: number) {
  const references = completeReferences(reference);
  const golden = references.map(({ greedy: { ids } }) => ids);
  const greedy = references.map(({ prompt, greedy: { ids } }) => {
    return { prompt, maxNewTokens: ids.length, details: { completionTokens: true } };
  });
  const prompts = references.map(({ prompt }) => prompt);
  const asked: readonly Asked[] = [...greedy, ...randomRequests(5, randomCount, prompts)];
  return { folder, golden, asked };
}

const micro = questions(fixture("micro-gpt2"), fixture("micro-gpt2/reference.json"), 60);
const checkpoints = [
  micro,
  questions(fixture("gpt2-vocab"), fixture("gpt2-vocab/reference.json"), 6),
  questions("models/tiny", fixture("tiny-reference.json"), 6),
];

/** In groups of one, two and six: with one or two running, next tokens are guessed. */
async function inGroups({ engine }: TestEngine, asked: readonly Asked[]): Promise<Completion[]> {
  const answers: Completion[] = [];
  for (let group = 0; answers.length < asked.length; group += 1) {
    const next = asked.slice(answers.length, answers.length + ([1, 2, 6][group % 3] ?? 1));
    answers.push(...(await Promise.all(next.map(async (request) => complete(engine, request)))));
  }
  return answers;
}

async function alone({ engine }: TestEngine, asked: readonly Asked[]): Promise<Completion[]> {
  const answers: Completion[] = [];
  for (const request of asked) answers.push(await complete(engine, request));
  return answers;
}

describe.each([{ dtype: "float32" }, { dtype: "int8" }] as const)("$dtype", (precision) => {
  /** By checkpoint: what each request is answered alone with everything off. */
  const plain: Completion[][] = [];
  beforeAll(async () => {
    for (const { folder, asked } of checkpoints) {
      using running = await startSwitchedEngine(folder, { ...everythingOff, ...precision });
      plain.push(await alone(running, asked));
    }
  });

  /** Requests of the checkpoints whose answers are others than the plain path's. */
  async function changed(given: Partial<Config>, checked: readonly (typeof micro)[]): Promise<Asked[]> {
    const found: Asked[] = [];
    for (const [index, { folder, asked }] of checked.entries()) {
      using running = await startSwitchedEngine(folder, { ...given, ...precision });
      const answers = await inGroups(running, asked);
      found.push(...asked.filter((_, at) => !isDeepStrictEqual(answers[at], plain[index]?.[at])));
    }
    return found;
  }

  test.each(variants)("%s changes no answer", async (_, given) => {
    expect(await changed(given, [micro])).toEqual([]);
  });

  test.each([
    ["everything on", { ...everythingOn, ...switches.spinning }], // threads that spin slow down the tests beside
    ["everything off", everythingOff],
  ])("%s changes no answer of other models either", async (_, given) => {
    expect(await changed(given, checkpoints)).toEqual([]);
  });

  test.runIf(precision.dtype === "float32")("everything off gives the references' greedy tokens", () => {
    const idsOf = ({ tokens }: Completion): number[] => tokens.map(({ id }) => id);
    const greedy = checkpoints.map(({ golden }, index) => plain[index]?.slice(0, golden.length).map(idsOf));
    expect(greedy).toEqual(checkpoints.map(({ golden }) => golden));
  });
});

/** What can be seen of the optimisations while `micro` is asked everything, in int8. */
async function seenWith(given: Partial<Config>) {
  using running = await startSwitchedEngine(micro.folder, { ...given, dtype: "int8" });
  const seen = { prompts: 0, prefills: 0, joined: 0, reusedTokens: 0, drafts: 0, selection: running.model.selection };
  running.engine.observe({
    admitted: () => (seen.prompts += 1),
    runLaunched: ({ method, sequences }) => {
      if (method !== "prefill") return;
      seen.prefills += 1;
      if (sequences > 1) seen.joined += 1;
    },
    draftVerified: () => (seen.drafts += 1),
    finished: ({ reusedTokens }) => (seen.reusedTokens += reusedTokens),
  });
  await inGroups(running, micro.asked);
  return seen;
}

test("a switch turns its optimisation off, which is at work otherwise", async () => {
  const on = await seenWith(everythingOn);
  expect([on.prefills > on.prompts, on.joined > 0, on.reusedTokens > 0, on.drafts > 0]).not.toContain(false);
  expect(on.selection).toBe("block-maxima");
  const off = await seenWith(everythingOff);
  expect(off).toEqual({
    prompts: on.prompts,
    prefills: on.prompts,
    joined: 0,
    reusedTokens: 0,
    drafts: 0,
    selection: "none",
  });
  expect(await seenWith({ ...everythingOn, ...switches["prefix reuse"] })).toMatchObject({ reusedTokens: 0 });
  expect(await seenWith({ ...everythingOn, ...switches["prompts that run together"] })).toMatchObject({ joined: 0 });
  expect(await seenWith({ ...everythingOn, ...switches["prompt lookup"] })).toMatchObject({ drafts: 0 });
});
