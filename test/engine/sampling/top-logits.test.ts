import { describe, expect, test } from "vitest";
import type { GenerationRequest } from "../../../src/engine/request.js";
import { Candidates } from "../../../src/engine/sampling/candidates.js";
import { TokenChooser } from "../../../src/engine/sampling/token-chooser.js";
import type { TopLogits } from "../../../src/engine/sampling/top-logits.js";
import { blocked } from "../../support/logits.js";
import { Random } from "../../support/random.js";
import { allDetails, noDetails, request, sampling } from "./requests.js";

const vocabularySize = 300;
const known = 64;

function chooser(parts: Partial<GenerationRequest>): TokenChooser {
  const vocabulary = { eosTokenIds: new Set([0]), pieceOf: (id: number) => `<${id}>` };
  return new TokenChooser(request(parts), vocabulary, new Candidates(vocabularySize));
}

/** What a device would select; equal logits in no order. */
function topOf(row: Float32Array, random: Random): TopLogits {
  const ids = Array.from(row, (logit, id) => ({ id, logit, order: random.next() }))
    .sort((a, b) => b.logit - a.logit || a.order - b.order)
    .slice(0, known);
  return { ids: Int32Array.from(ids, ({ id }) => id), logits: Float32Array.from(ids, ({ logit }) => logit) };
}

const fromTop = (subject: TokenChooser, top: TopLogits | undefined) =>
  subject.fromTopLogits({ topLogits: () => top }, 0);

/** Logits of which many are equal, or differ by less than a division keeps apart. */
function randomRow(random: Random): Float32Array {
  const grain = random.pick([1, 1 / 4, 2 ** -20]) ?? 1;
  return Float32Array.from({ length: vocabularySize }, () => {
    const logit = Math.round((8 * random.next()) / grain) * grain;
    return random.chance(0.1) ? logit * (1 + 2 ** -23) : logit;
  });
}

test("draws the tokens that the whole row would give, one after the other", () => {
  const random = new Random(3);
  let drawn = 0;
  for (let round = 0; round < 200; round += 1) {
    const parameters = {
      topK: random.integer(1, known),
      temperature: random.pick([0.3, 0.7, 1, 1.9]) ?? 1,
      topP: random.pick([0.4, 0.9, 1]) ?? 1,
      typicalP: random.pick([0.5, 1]) ?? 1,
      seed: BigInt(round),
    };
    const parts = { sampling: sampling(parameters) };
    const [selecting, whole] = [chooser(parts), chooser(parts)];
    for (let step = 0; step < 5; step += 1) {
      const row = randomRow(random);
      const choice = fromTop(selecting, topOf(row, random));
      drawn += choice === undefined ? 0 : 1;
      expect(choice ?? selecting.fromLogits(blocked(row.slice()))).toEqual(whole.fromLogits(blocked(row)));
    }
  }
  expect(drawn).toBeGreaterThan(300);
  expect(drawn).toBeLessThan(1000); // some had too many ties
});

describe("the highest logits", () => {
  const row = Float32Array.from({ length: vocabularySize }, (_, id) => -id / 8);
  const top = topOf(row, new Random(1));
  const isEnough = (parts: Partial<GenerationRequest>, from: TopLogits | undefined = top): boolean =>
    fromTop(chooser(parts), from) !== undefined;
  const topK = (k: number): Partial<GenerationRequest> => ({ sampling: sampling({ topK: k }) });

  test("are enough for a draw from fewer than there are", () => {
    expect([1, 63].map((k) => isEnough(topK(k)))).toEqual([true, true]);
    expect([64, 65, 0].map((k) => isEnough(topK(k)))).toEqual([false, false, false]);
  });

  test("are described by their pieces when nothing else is asked", () => {
    const details = { ...noDetails, completionTokens: true };
    const detail = { id: 0, piece: "<0>", logprob: 0, rank: 0, top: [] };
    expect(fromTop(chooser({ ...topK(1), details }), top)).toEqual({ id: 0, detail });
  });

  test("are not enough where something changes logits, or is said of others", () => {
    const others: Partial<GenerationRequest>[] = [
      { repetitionPenalty: 1.1 },
      { frequencyPenalty: 0.1 },
      { presencePenalty: 0.1 },
      { logitBias: new Map([[1, 1]]) },
      { minNewTokens: 1 },
      { details: allDetails(1) },
      { sampling: undefined },
    ];
    expect(others.map((parts) => isEnough({ ...topK(5), ...parts }))).toEqual(others.map(() => false));
  });

  test("are not enough when others may be tied with the last, or too few tokens are possible", () => {
    const changed = (change: (logit: number) => number): TopLogits => ({ ...top, logits: top.logits.map(change) });
    // The fifth is -0.5.
    expect(
      isEnough(
        topK(5),
        changed((logit) => Math.max(logit, -0.625)),
      ),
    ).toBe(true);
    expect(
      isEnough(
        topK(5),
        changed((logit) => Math.max(logit, -0.5)),
      ),
    ).toBe(false);
    expect(
      isEnough(
        topK(5),
        changed((logit) => (logit < -0.375 ? -Infinity : logit)),
      ),
    ).toBe(false);
    expect(fromTop(chooser(topK(5)), undefined)).toBeUndefined();
  });
});
