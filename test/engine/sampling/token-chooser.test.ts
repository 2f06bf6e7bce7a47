import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { InternalError } from "../../../src/errors.js";
import type { GenerationRequest, TokenDetail } from "../../../src/engine/request.js";
import { Candidates } from "../../../src/engine/sampling/candidates.js";
import { TokenChooser } from "../../../src/engine/sampling/token-chooser.js";
import { blocked } from "../../support/logits.js";
import { Random } from "../../support/random.js";
import { completeReferences, fixtures } from "../../support/reference.js";
import { processScores, rankOf, softmax, topIds } from "./naive.js";
import { allDetails, noDetails, request, sampling } from "./requests.js";

const pieceOf = (id: number): string => `<${id}>`;

function chooser(parts: Partial<GenerationRequest>, vocabularySize: number, eosTokenIds = [0]): TokenChooser {
  return new TokenChooser(
    request(parts),
    { eosTokenIds: new Set(eosTokenIds), pieceOf },
    new Candidates(vocabularySize),
  );
}

/** The probability of every token, as told by listing them all. */
function probabilities(logits: readonly number[], parts: Partial<GenerationRequest>): number[] {
  const result = chooser({ ...parts, details: allDetails(logits.length) }, logits.length).fromLogits(
    blocked(Float32Array.from(logits)),
  );
  const listed = new Map(result.detail?.top.map(({ id, logprob }) => [id, Math.exp(logprob)]));
  return logits.map((_, id) => listed.get(id) ?? 0);
}

const largestDifference = (a: readonly number[], b: readonly number[]): number =>
  Math.max(...a.map((value, i) => Math.abs(value - (b[i] ?? NaN))));

interface WarperCase {
  readonly params: { temperature?: number; top_k?: number; top_p?: number; typical_p?: number };
  readonly logits: readonly number[];
  readonly probabilities: readonly number[];
}

describe("the reference library's processors", () => {
  const cases = JSON.parse(readFileSync(`${fixtures}/warpers.json`, "utf8")) as readonly WarperCase[];

  test.each(cases.map((each) => ({ name: `${each.logits.length} tokens, ${JSON.stringify(each.params)}`, ...each })))(
    "give the same probabilities: $name",
    ({ params, logits, probabilities: expected }) => {
      const { temperature = 1, top_k: topK = 0, top_p: topP = 1, typical_p: typicalP = 1 } = params;
      const actual = probabilities(logits, { sampling: sampling({ temperature, topK, topP, typicalP }) });
      expect(largestDifference(actual, expected)).toBeLessThan(1e-5);
      expect(actual.map((p) => p > 0)).toEqual(expected.map((p) => p > 0));
    },
  );
});

describe("the reference model's generations", () => {
  const prompts = completeReferences(`${fixtures}/micro-gpt2/reference.json`);
  const vocabularySize = 600;

  /** A row with the known logits; the other tokens share the rest of `total`, the sum of all e^logit. */
  function rowOf(known: readonly (readonly [number, number])[], total: number): Float32Array {
    const rest = known.reduce((left, [, logit]) => left - Math.exp(logit), total);
    const row = new Float32Array(vocabularySize).fill(Math.log(rest / (vocabularySize - known.length)));
    for (const [id, logit] of known) row[id] = logit;
    return row;
  }

  test("have the greedy tokens with their logprobs, ranks and alternatives", () => {
    const tokens = prompts.flatMap(({ greedy }) => greedy.tokens);
    const greedy = chooser({ details: allDetails(5) }, vocabularySize);
    const found = tokens.map(({ top5 }) => greedy.fromLogits(blocked(rowOf(top5, 1))));
    expect(found.map(({ id, detail }) => [id, detail?.rank, detail?.top.map((top) => top.id)])).toEqual(
      tokens.map(({ id, rank, top5 }) => [id, rank, top5.map(([topId]) => topId)]),
    );
    const logprobs = found.map(({ detail }) => detail?.logprob ?? NaN);
    expect(
      largestDifference(
        logprobs,
        tokens.map(({ logprob }) => logprob),
      ),
    ).toBeLessThan(1e-4);
  });

  test("begin with the same token under a repetition penalty, as far ahead of the others", () => {
    const ahead = (top: readonly number[]): number[] => top.map((logprob) => (top[0] ?? NaN) - logprob);
    for (const prompt of prompts) {
      const parts = { promptTokenIds: prompt.input_ids, repetitionPenalty: 1.3, details: allDetails(5) };
      const row = rowOf(prompt.last_logits_top20, Math.exp(prompt.last_logsumexp));
      const { id, detail } = chooser(parts, vocabularySize).fromLogits(blocked(row));
      const [expected] = prompt["repetition_penalty_1.3"].tokens;
      expect(id).toBe(expected?.id);
      expect(detail?.top.map((top) => top.id)).toEqual(expected?.top5.map(([topId]) => topId));
      const margins = ahead(detail?.top.map(({ logprob }) => logprob) ?? []);
      expect(largestDifference(margins, ahead(expected?.top5.map(([, logprob]) => logprob) ?? []))).toBeLessThan(1e-4);
    }
  });
});

describe("a literal implementation of the pipeline", () => {
  const eosTokenIds = [0, 3];

  /** Random parameters; `steps` of the logits make ties frequent. */
  function randomCase(seed: number): { parts: Partial<GenerationRequest>; rows: number[][] } {
    const random = new Random(seed);
    const oneOf = <T>(...values: readonly [T, ...T[]]): T => random.pick(values) ?? values[0];
    const size = oneOf(7, 50, 333, 3000);
    const step = oneOf(0.5, 2 ** -20);
    const logit = (): number => Math.round(((random.next() + random.next() + random.next()) * 12 - 20) / step) * step;
    const parts: Partial<GenerationRequest> = {
      promptTokenIds: Array.from({ length: 5 }, () => random.integer(0, 7)),
      repetitionPenalty: oneOf(1, 1.3, 0.8),
      minNewTokens: oneOf(0, 2),
      lengthPenalty: oneOf(undefined, { startIndex: 1, decayFactor: 1.5 }),
      frequencyPenalty: oneOf(0, 0.7, -1.3),
      presencePenalty: oneOf(0, 1.9, -0.4),
      logitBias: oneOf(
        undefined,
        new Map([
          [1, 4],
          [3, -100],
          [5, 2.5],
        ]),
      ),
      details: { ...allDetails(oneOf(1, 5, size)), logprobs: oneOf(true, false) },
      sampling: oneOf(
        undefined,
        sampling({
          temperature: oneOf(1, 0.37, 2.9),
          topK: oneOf(0, 1, 5, 40),
          topP: oneOf(1, 0.05 + 0.9 * random.next()),
          typicalP: oneOf(1, 0.05 + 0.9 * random.next()),
          seed: BigInt(seed),
        }),
      ),
    };
    return { parts, rows: Array.from({ length: 4 }, () => Array.from({ length: size }, logit)) };
  }

  test.each(Array.from({ length: 150 }, (_, seed) => seed))("says the same of each token: case %i", (seed) => {
    const { parts, rows } = randomCase(seed);
    const full = request(parts);
    const subject = chooser(parts, rows[0]?.length ?? 0, eosTokenIds);
    const context = [...full.promptTokenIds];
    for (const [generated, logits] of rows.entries()) {
      const scores = processScores(logits, full, eosTokenIds, generated, context);
      const { id, detail } = subject.fromLogits(blocked(Float32Array.from(logits)));
      const logprobs = softmax(scores).map((p) => (full.details.logprobs ? Math.log(p) : 0));
      const ids = topIds(scores, full.details.topN, full.details.logprobs);
      expect(scores[id]).toBeGreaterThan(-Infinity);
      expect(detail?.rank).toBe(rankOf(scores, id));
      expect(detail?.top.map((top) => top.id)).toEqual(ids);
      const listed = [detail, ...(detail?.top ?? [])].map((each) => each?.logprob ?? NaN);
      expect(
        largestDifference(
          listed,
          [id, ...ids].map((each) => logprobs[each] ?? NaN),
        ),
      ).toBeLessThan(1e-9);
      context.push(id);
    }
  });

  test("chooses the highest score when greedy, the lowest id on ties", () => {
    const logits = [1, 5, 2, 5, 5, -1, 0];
    expect(chooser({}, 7, []).fromLogits(blocked(Float32Array.from(logits))).id).toBe(1);
  });
});

describe("the penalties of OpenAI", () => {
  const choices = (parts: Partial<GenerationRequest>, logits: readonly number[], steps: number): number[] => {
    const subject = chooser(parts, logits.length, []);
    return Array.from({ length: steps }, () => subject.fromLogits(blocked(Float32Array.from(logits))).id);
  };

  test("take the frequency penalty off once for each occurrence in the completion", () => {
    expect(choices({ frequencyPenalty: 1 }, [0, 2.5, 1], 5)).toEqual([1, 1, 2, 1, 0]);
  });

  test("take the presence penalty off once, however often the token occurs", () => {
    expect(choices({ presencePenalty: 1 }, [0, 2.5, 1], 3)).toEqual([1, 1, 1]);
    expect(choices({ presencePenalty: 2 }, [0, 2.5, 1], 4)).toEqual([1, 2, 1, 1]);
  });

  test("do not look at the prompt", () => {
    expect(choices({ promptTokenIds: [1, 1, 1], frequencyPenalty: 2, presencePenalty: 2 }, [0, 1, 0], 1)).toEqual([1]);
  });

  test("add a logit bias, also to a token of the end that is not held off", () => {
    expect(choices({ logitBias: new Map([[0, 3]]) }, [0, 2.5, 1], 1)).toEqual([0]);
    const held = chooser({ logitBias: new Map([[0, 100]]), minNewTokens: 1 }, 3);
    expect([
      held.fromLogits(blocked(Float32Array.from([5, 2, 1]))).id,
      held.fromLogits(blocked(Float32Array.from([5, 2, 1]))).id,
    ]).toEqual([1, 0]);
  });
});

describe("a draw", () => {
  /** How often each token of `logits` is drawn, one draw a chooser step. */
  function frequencies(logits: readonly number[], parts: Partial<GenerationRequest>, draws: number): number[] {
    const subject = chooser(parts, logits.length, []);
    const counts = logits.map(() => 0);
    const row = new Float32Array(logits.length);
    for (let i = 0; i < draws; i++) {
      row.set(logits);
      const { id } = subject.fromLogits(blocked(row));
      counts[id] = (counts[id] ?? 0) + 1;
    }
    return counts;
  }

  test("falls on each token as often as its probability says", () => {
    const logits = [0, 1, 2, -1, 0.5, -2, 1.5, -Infinity, 0.2, -0.7];
    const draws = 200_000;
    const counts = frequencies(logits, { sampling: sampling({ temperature: 1.4, seed: 2024n }) }, draws);
    const expected = softmax(logits.map((logit) => logit / 1.4)).map((p) => p * draws);
    const chiSquare = expected.reduce((sum, e, i) => (e > 0 ? sum + ((counts[i] ?? 0) - e) ** 2 / e : sum), 0);
    expect(counts[7]).toBe(0);
    expect(chiSquare).toBeLessThan(26.12); // 99.9% of 8 degrees of freedom
    expect(chiSquare).toBeGreaterThan(0.86); // a fit that is too good is no chance either: 0.1%
  });

  test("never leaves the tokens that the filters keep", () => {
    const logits = [3, 2.9, 2.8, 1, 0, -1];
    const counts = frequencies(logits, { sampling: sampling({ topK: 3, seed: 5n }) }, 2000);
    expect(counts.map((count) => count > 0)).toEqual([true, true, true, false, false, false]);
  });

  test("depends on the seed, and on nothing else", () => {
    const logits = Array.from({ length: 40 }, (_, i) => Math.sin(i));
    const candidates = new Candidates(logits.length);
    const subject = (seed: bigint): TokenChooser =>
      new TokenChooser(request({ sampling: sampling({ seed }) }), { eosTokenIds: new Set(), pieceOf }, candidates);
    const next = (from: TokenChooser): number => from.fromLogits(blocked(Float32Array.from(logits))).id;
    const alone = subject(99n);
    const expected = Array.from({ length: 30 }, () => next(alone));
    const [again, other] = [subject(99n), subject(100n)];
    const beside = Array.from({ length: 30 }, () => [next(again), next(other)] as const);
    expect(beside.map(([id]) => id)).toEqual(expected);
    expect(beside.map(([, id]) => id)).not.toEqual(expected);
  });
});

describe("scores at the edge of float32", () => {
  test("keep tokens that only the division by the temperature ties with the k-th", () => {
    const [lower, above] = [1.75 + 2 ** -23, 1.75 + 2 * 2 ** -23];
    expect(Math.fround(above / 1.75)).toBe(Math.fround(lower / 1.75));
    const between = Array<number>(200).fill(0); // enough that the k-th is known before the tied one comes
    const actual = probabilities([above, ...between, lower], { sampling: sampling({ topK: 1, temperature: 1.75 }) });
    expect(largestDifference(actual, [0.5, ...between, 0.5])).toBeLessThan(1e-12);
  });

  test("are all tied by a temperature that no quotient survives", () => {
    const logits = Array.from({ length: 400 }, (_, i) => 400 - i);
    const actual = probabilities(logits, { sampling: sampling({ topK: 2, temperature: Infinity }) });
    expect(actual.filter((p) => p > 0)).toHaveLength(400);
  });

  test("stay finite under the largest length penalty, which makes the end certain", () => {
    const parts = { lengthPenalty: { startIndex: 0, decayFactor: 10 }, minNewTokens: 60 };
    const subject = chooser({ ...parts, sampling: sampling({ temperature: 0.05 }), details: allDetails(1) }, 3);
    const results = Array.from({ length: 61 }, () => subject.fromLogits(blocked(Float32Array.from([-5, 1, 1]))));
    expect(results.map(({ id }) => id === 0)).toEqual([...Array<boolean>(60).fill(false), true]);
    expect(results[60]?.detail).toMatchObject({ logprob: 0, rank: 1 });
  });

  test("give a single candidate logprob 0, and never -0", () => {
    const only = { id: 1, piece: "<1>", logprob: 0 };
    const parts = { sampling: sampling({ topK: 1 }), details: allDetails(5) };
    for (const highest of [-3, -0]) {
      const { detail } = chooser(parts, 3).fromLogits(blocked(Float32Array.from([-7, highest, -9])));
      expect(detail).toStrictEqual({ ...only, rank: 1, top: [only] });
    }
  });
});

describe("details", () => {
  const tied = Array.from({ length: 12 }, (_, i) => (i < 2 ? 0 : 4));
  const topOf = (logits: readonly number[], details: Partial<GenerationRequest["details"]>): number[] | undefined =>
    chooser({ details: { ...noDetails, completionTokens: true, ...details } }, logits.length)
      .fromLogits(blocked(Float32Array.from(logits)))
      .detail?.top.map(({ id }) => id);

  test("list all that are tied with the n-th, at most four times n", () => {
    expect(topOf(tied, { topN: 2, logprobs: true })).toEqual([2, 3, 4, 5, 6, 7, 8, 9]);
    expect(topOf(tied, { topN: 3, logprobs: true })).toEqual([2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
  });

  test("are in the order of logprobs when those are asked for, else of ids", () => {
    expect(topOf([1, 3, 2, 3, 0], { topN: 3, logprobs: true })).toEqual([1, 3, 2]);
    expect(topOf([1, 3, 2, 3, 0], { topN: 3 })).toEqual([1, 2, 3]);
  });

  test("never list an impossible token", () => {
    expect(topOf([1, -Infinity, 2], { topN: 3, logprobs: true })).toEqual([2, 0]);
  });

  test("are 0 where they were not asked for, and missing when no completion token is", () => {
    const result = (details: GenerationRequest["details"]): TokenDetail | undefined =>
      chooser({ details }, 2).fromLogits(blocked(Float32Array.from([1, 2]))).detail;
    expect(result({ ...noDetails, completionTokens: true })).toEqual({
      id: 1,
      piece: "<1>",
      logprob: 0,
      rank: 0,
      top: [],
    });
    expect(result({ ...allDetails(1), completionTokens: false, promptTokens: true })).toBeUndefined();
  });
});

describe("the model's own highest token", () => {
  const taken = (parts: Partial<GenerationRequest>, tokenId = 5): number | undefined =>
    chooser(parts, 10, [0, 3]).fromGreedyToken(tokenId)?.id;

  test("is the choice of a plain greedy request", () => {
    expect(taken({})).toBe(5);
    expect(taken({ details: { ...allDetails(2), completionTokens: false, promptTokens: true } })).toBe(5);
  });

  test("is described by its piece when nothing else is asked", () => {
    const details = { ...noDetails, completionTokens: true };
    const detail = { id: 5, piece: "<5>", logprob: 0, rank: 0, top: [] };
    expect(chooser({ details }, 10).fromGreedyToken(5)).toEqual({ id: 5, detail });
  });

  test("is not enough for a draw, a repetition penalty, or details that need scores", () => {
    expect(taken({ sampling: sampling({}) })).toBeUndefined();
    expect(taken({ repetitionPenalty: 1.1 })).toBeUndefined();
    expect(taken({ details: { ...noDetails, completionTokens: true, ranks: true } })).toBeUndefined();
  });

  test("is not enough for a frequency or presence penalty, or a logit bias", () => {
    expect(taken({ frequencyPenalty: 0.1 })).toBeUndefined();
    expect(taken({ presencePenalty: -0.1 })).toBeUndefined();
    expect(taken({ logitBias: new Map([[1, 1]]) })).toBeUndefined();
  });

  test("is refused only when it ends a text that is too short", () => {
    expect([taken({ minNewTokens: 1 }, 3), taken({ minNewTokens: 1 }, 5), taken({}, 3)]).toEqual([undefined, 5, 3]);
  });

  test("is not enough once the length penalty acts", () => {
    const subject = chooser({ lengthPenalty: { startIndex: 1, decayFactor: 2 } }, 10);
    expect([1, 2, 3].map((id) => subject.fromGreedyToken(id)?.id)).toEqual([1, 2, undefined]);
    const neutral = chooser({ lengthPenalty: { startIndex: 0, decayFactor: 1 } }, 10);
    expect([1, 2, 3].map((id) => neutral.fromGreedyToken(id)?.id)).toEqual([1, 2, 3]);
  });

  test("counts as generated, so that the next step knows how long the text is", () => {
    const subject = chooser({ minNewTokens: 1 }, 3);
    subject.fromGreedyToken(1);
    expect(subject.fromLogits(blocked(Float32Array.from([9, 1, 2]))).id).toBe(0);
  });
});

describe("a broken row of logits", () => {
  const rows = {
    NaN: [1, 2, 3, 4, NaN, 1],
    infinite: [1, Infinity, 2, 0, 0, 0],
    "all impossible": Array(6).fill(-Infinity),
  };
  const choices = {
    greedy: {},
    temperature: { sampling: sampling({ temperature: 0.5 }) },
    "top-k": { sampling: sampling({ topK: 2 }) },
    "details of a greedy token": { details: allDetails(2) },
  };
  const cases = Object.entries(rows).flatMap(([row, logits]) =>
    Object.entries(choices).map(([choice, parts]) => ({ row, logits: logits as number[], choice, parts })),
  );

  test.each(cases)("is an internal error: $row, $choice", ({ logits, parts }) => {
    expect(() => chooser(parts, 6).fromLogits(blocked(Float32Array.from(logits)))).toThrow(InternalError);
  });

  test("is one of another length than the vocabulary", () => {
    expect(() => chooser({}, 6).fromLogits(blocked(new Float32Array(5)))).toThrow("5 entries, the vocabulary 6");
  });
});
