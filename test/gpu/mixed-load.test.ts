import { performance } from "node:perf_hooks";
import { expect, test } from "vitest";
import type { Engine } from "../../src/engine/engine.js";
import type { GenerationEvent, UncheckedRequest } from "../../src/engine/index.js";
import { fold, type Completion } from "../support/engine.js";
import { Random } from "../support/random.js";
import { completeReferences, fixtures, type CompleteReference } from "../support/reference.js";
import { until } from "../support/settled.js";
import { certainTokens } from "./support/certain.js";
import { logitTolerance, startOnDevice } from "./support/device.js";

interface Mixed {
  readonly reference: CompleteReference;
  readonly asked: UncheckedRequest & { readonly maxNewTokens: number };
  /** Tokens after which the client leaves; undefined: it stays to the end. */
  readonly leavesAfter: number | undefined;
}

const references = completeReferences(`${fixtures}/tiny-reference.json`);

/** Greedy and sampled, with and without penalty and details; one in five is cut off by its client. */
function mixedRequest(random: Random): Mixed {
  const reference = random.pick(references) ?? fail("there are no references");
  const maxNewTokens = random.integer(4, 33);
  const sampling = { temperature: 0.8, topK: random.pick([0, 40]), topP: random.pick([0, 0.9]) };
  const isGreedy = random.chance(0.5);
  const asked = {
    prompt: reference.prompt,
    ...(isGreedy ? { method: "greedy" as const } : { method: "sample" as const, ...sampling }),
    repetitionPenalty: random.chance(0.2) ? 1.3 : 0,
    ...{ maxNewTokens, minNewTokens: maxNewTokens }, // none ends earlier unless its client leaves
    details: { completionTokens: true, logprobs: random.chance(0.3), topN: random.integer(0, 3) },
  };
  return { reference, asked, leavesAfter: random.chance(0.2) ? random.integer(1, maxNewTokens) : undefined };
}

/** The completion; undefined when the client left. */
async function follow(engine: Engine, { asked, leavesAfter = Infinity }: Mixed): Promise<Completion | undefined> {
  const client = new AbortController();
  const events = engine.generate(asked, client.signal);
  async function* watched(): AsyncGenerator<GenerationEvent> {
    for await (const event of events) {
      yield event;
      if (event.type === "tokens" && event.completionTokens >= leavesAfter) client.abort();
    }
  }
  return fold(watched()).catch((error: unknown) => {
    if (client.signal.aborted) return undefined;
    throw error;
  });
}

/** Of a greedy completion, its tokens and the reference's, as far as these are certain. */
function compared({ reference, asked }: Mixed, completion: Completion | undefined, tolerance: number) {
  const isComparable = asked.method === "greedy" && asked.repetitionPenalty === 0;
  if (completion === undefined || !isComparable) return [];
  const certain = certainTokens(reference.greedy, tolerance).slice(0, completion.tokens.length);
  const given = completion.tokens.slice(0, certain.length);
  return [{ given: given.map(({ id }) => id), wanted: certain.map(({ id }) => id) }];
}

test("300 mixed requests, some of them cut off, each get what they asked for and leave the engine idle", async ({
  annotate,
}) => {
  const { engine, model } = await startOnDevice("models/tiny", "--max-slots=64", "--request-timeout-seconds=0");
  const random = new Random(300);
  const mixed = Array.from({ length: 300 }, () => mixedRequest(random));
  const start = performance.now();
  const completions = await Promise.all(mixed.map(async (each) => follow(engine, each)));
  const seconds = (performance.now() - start) / 1000;

  const asked = mixed.map(({ asked: { maxNewTokens }, leavesAfter }) =>
    leavesAfter === undefined ? maxNewTokens : undefined,
  );
  expect(completions.map((completion) => completion?.completionTokens)).toEqual(asked);
  const pairs = mixed.flatMap((each, index) => compared(each, completions[index], logitTolerance(model)));
  expect(pairs.length).toBeGreaterThan(50);
  expect(pairs.map(({ given }) => given)).toEqual(pairs.map(({ wanted }) => wanted));
  await until(() => engine.counts.waiting + engine.counts.prefilling + engine.counts.running === 0);
  const left = asked.filter((tokens) => tokens === undefined).length;
  await annotate(`300 requests in ${seconds.toFixed(1)} s, ${left} of them cut off`);
});

function fail(message: string): never {
  throw new Error(message);
}
