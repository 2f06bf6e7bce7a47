/**
 * The rules of docs/decisions/0006-bit-identity.md, each held where it can be broken. Bits are compared, not
 * numbers within a tolerance.
 */
import { describe, expect, test } from "vitest";
import { SessionRunner } from "../../src/engine/runner/session-runner.js";
import { architectureOf, loadModel, openCheckpoint, type DecoderShape } from "../../src/model/index.js";
import { Session } from "../../src/ort/index.js";
import { disturb, everything, targets } from "../support/disturbance.js";
import { complete, startTestEngine, type Completion } from "../support/engine.js";
import { longContextCheckpoint, wideHeadsCheckpoint } from "../support/random-checkpoint.js";
import { Random } from "../support/random.js";

const folder = await longContextCheckpoint();
const promptLength = 1500;
const random = new Random(1);
const promptTokenIds = Array.from({ length: promptLength }, () => random.integer(1, 600));
const slots = 25;

interface Bench extends Disposable {
  readonly runner: SessionRunner;
}

function benchOver(session: Session, shape: DecoderShape, owner: Disposable): Bench {
  const options = { slots, maxLength: shape.positions, maxPrefillTokens: promptLength };
  const runner = new SessionRunner(session, shape, options);
  return {
    runner,
    [Symbol.dispose]: () => {
      runner[Symbol.dispose]();
      owner[Symbol.dispose]();
    },
  };
}

async function bench(threads: number, checkpoint = folder): Promise<Bench> {
  const model = await loadModel({ folder: checkpoint, threads, isSpinning: false });
  return benchOver(model.session, model.shape, model);
}

/** A session that does not cap its threads at the number of heads. */
async function uncappedBench(threads: number): Promise<Bench> {
  const checkpoint = await openCheckpoint(folder);
  const blueprint = architectureOf(checkpoint).read(checkpoint);
  const options = { externalDataFolder: checkpoint.folder, threads, isSpinning: false };
  const session = await Session.create(blueprint.buildGraph(), options);
  return benchOver(session, blueprint.shape, session);
}

/** Prefills the prompt into a slot in chunks that end at `ends`; the last position's logits. */
async function prefill({ runner }: Bench, slot: number, ends: readonly number[]): Promise<Float32Array> {
  let start = 0;
  let logits = new Float32Array(0);
  for (const end of ends) {
    const wanted = end === ends.at(-1) ? "last" : "none";
    const result = await runner.prefill({ slot, tokenIds: promptTokenIds, start, end, wanted });
    if (wanted === "last") logits = result.logits(0).slice();
    start = end;
  }
  return logits;
}

/** Decodes one token after the prompt in the rows [0, rows), which are all the same; each row's logits. */
async function decode({ runner }: Bench, rows: number): Promise<Float32Array[]> {
  const row = { tokenId: 5, position: promptLength };
  const result = await runner.decode(
    0,
    Array.from({ length: rows }, () => row),
  );
  return Array.from({ length: rows }, (_, index) => result.logits(index).slice());
}

const bits = (logits: Float32Array): Buffer => Buffer.from(logits.buffer, logits.byteOffset, logits.byteLength);
const areSame = (a: Float32Array, b: Float32Array): boolean => bits(a).equals(bits(b));

const chunkEnds = (size: number): number[] => {
  const ends: number[] = [];
  for (let end = size; end < promptLength; end += size) ends.push(end);
  return [...ends, promptLength];
};

describe("rows and chunks", () => {
  test("a row's logits are the same bits among 1 to 25 rows", async () => {
    using one = await bench(2);
    for (let slot = 0; slot < slots; slot += 1) await prefill(one, slot, [promptLength]);
    const [alone = new Float32Array(0)] = await decode(one, 1);
    for (const rows of [2, 3, 7, 16, 25]) {
      const all = await decode(one, rows);
      expect(all.map((logits) => areSame(logits, alone))).toEqual(all.map(() => true));
    }
  });

  test("a prompt's logits are the same bits in one piece and in chunks of any size", async () => {
    using one = await bench(2);
    const whole = await prefill(one, 0, [promptLength]);
    const [decoded = new Float32Array(0)] = await decode(one, 1);
    for (const size of [2, 3, 17, 64, 257, 513, 1499]) {
      expect(areSame(await prefill(one, 0, chunkEnds(size)), whole)).toBe(true);
      expect(areSame((await decode(one, 1))[0] ?? new Float32Array(0), decoded)).toBe(true);
    }
  });

  test("one query alone gives other bits, which is why a prefill never has a block of one", async () => {
    using one = await bench(2);
    const whole = await prefill(one, 0, [promptLength]);
    await prefill(one, 0, [promptLength - 1]);
    const last = { tokenId: promptTokenIds[promptLength - 1] ?? 0, position: promptLength - 1 };
    const decoded = (await one.runner.decode(0, [last])).logits(0);
    expect(areSame(decoded, whole)).toBe(false);
  });
});

describe("wide heads", () => {
  const ends = [[400], [50, 400]] as const;

  test("chunks give other bits with heads of more than 128, which is why their prompts run in one piece", async () => {
    using one = await bench(2, await wideHeadsCheckpoint());
    const [whole, chunked] = [await prefill(one, 0, ends[0]), await prefill(one, 0, ends[1])];
    expect(areSame(whole, chunked)).toBe(false);
  });

  test("the engine gives the same bits whatever the chunk size", async () => {
    const answers: Completion[] = [];
    for (const prefillChunkTokens of [16, 512]) {
      using running = await startTestEngine(await wideHeadsCheckpoint(), { prefillChunkTokens });
      const prompt = "the whale and the torch ".repeat(20);
      answers.push(await complete(running.engine, { prompt, maxNewTokens: 8, details: everything }));
    }
    expect(answers[0]?.promptTokens).toBeGreaterThan(64);
    expect(answers[0]).toEqual(answers[1]);
  });
});

describe("threads", () => {
  test("1, 2 and 16 threads give the same bits, beyond one block of the attention kernel too", async () => {
    const results: Float32Array[][] = [];
    for (const threads of [1, 2, 16]) {
      using one = await bench(threads);
      const whole = await prefill(one, 0, [promptLength]);
      results.push([whole, ...(await decode(one, 1))]);
    }
    const [first = []] = results;
    for (const other of results) {
      expect(other.map((logits, index) => areSame(logits, first[index] ?? logits.slice(1)))).toEqual([true, true]);
    }
  });

  test("more threads than heads give other bits, which is why they are capped", async () => {
    using few = await uncappedBench(1);
    using many = await uncappedBench(16);
    await prefill(few, 0, [promptLength]);
    await prefill(many, 0, [promptLength]);
    const [a = new Float32Array(0)] = await decode(few, 1);
    const [b = new Float32Array(0)] = await decode(many, 1);
    expect(areSame(a, b)).toBe(false);
  });
});

describe("requests", () => {
  async function alone(): Promise<Completion[]> {
    using running = await startTestEngine(folder, { maxSlots: 1, threads: 1 });
    const completions: Completion[] = [];
    for (const target of targets) completions.push(await complete(running.engine, target));
    return completions;
  }
  const expected = alone();

  test.for([
    { others: 1, prefillChunkTokens: 256, threads: 2 },
    { others: 5, prefillChunkTokens: 16, threads: 16 },
    { others: 24, prefillChunkTokens: 64, threads: 2 },
    { others: 12, prefillChunkTokens: 1, threads: 1 },
  ])(
    "answers are the same bits among $others others, in chunks of $prefillChunkTokens, on $threads threads",
    async ({ others, ...options }) => {
      using running = await startTestEngine(folder, { maxSlots: 8, ...options });
      const answers = Promise.all(targets.map((target) => complete(running.engine, target)));
      await Promise.all([answers, disturb(running.engine, others, answers)]);
      expect(await answers).toEqual(await expected);
    },
  );

  test("another seed gives another answer", async () => {
    using running = await startTestEngine(folder);
    const [, sampled] = targets;
    const other = await complete(running.engine, { ...sampled, seed: 99n });
    expect(other.text).not.toBe((await expected)[1]?.text);
  });
});
