import { describe, expect, test } from "vitest";
import { highestToken, refreshMaxima, selectLargestInBlocks } from "../../../src/engine/sampling/logit-blocks.js";
import { blocked } from "../../support/logits.js";
import { Random } from "../../support/random.js";

/** Not a multiple of the block's length. */
const vocabularySize = 1000;

/** Few distinct numbers, so that ties are everywhere; some impossible. */
function randomRow(random: Random): Float32Array {
  const levels = random.integer(2, 2000);
  return Float32Array.from({ length: vocabularySize }, () =>
    random.chance(0.05) ? -Infinity : (random.integer(0, levels) - levels / 2) / 7,
  );
}

const select = (row: Float32Array, k: number, temperature: number): number[] => {
  const [selected, workspace] = [new Int32Array(vocabularySize), new Float32Array(vocabularySize)];
  return [...selected.subarray(0, selectLargestInBlocks(blocked(row), k, temperature, selected, workspace))];
};

/** By a sort of all quotients, as torch divides. */
function selectNaively(row: Float32Array, k: number, temperature: number): number[] {
  const quotients = Array.from(row, (logit) => Math.fround(logit / temperature));
  const kth = quotients.toSorted((a, b) => b - a)[k - 1] ?? -Infinity;
  return [...row.keys()].filter((id) => (quotients[id] ?? 0) >= kth && row[id] !== -Infinity);
}

test("the k highest of a row, with what is tied with the last, are those of a sort of all", () => {
  const random = new Random(11);
  for (let i = 0; i < 400; i += 1) {
    const row = randomRow(random);
    const [k, temperature] = [random.integer(1, 40), Math.fround(random.pick([1, 0.7, 1e-3, 13, 3e5]) ?? 1)];
    expect(select(row, k, temperature)).toEqual(selectNaively(row, k, temperature));
  }
});

test("the highest token is the first of those with the highest logit", () => {
  const random = new Random(12);
  for (let i = 0; i < 400; i += 1) {
    const row = randomRow(random);
    expect(highestToken(blocked(row))).toBe(row.indexOf(Math.max(...row)));
  }
});

test("maxima follow what is done to a few logits, up and down", () => {
  const random = new Random(13);
  for (let i = 0; i < 200; i += 1) {
    const logits = blocked(randomRow(random));
    const ids = Array.from({ length: random.integer(0, 30) }, () => random.integer(0, vocabularySize));
    for (const id of ids) logits.row[id] = random.pick([-Infinity, random.integer(-500, 500), NaN]) ?? 0;
    refreshMaxima(logits, ids);
    expect(logits.maxima).toEqual(blocked(logits.row).maxima);
  }
});

test("without maxima the row is searched as a whole", () => {
  const random = new Random(14);
  for (let i = 0; i < 100; i += 1) {
    const logits = { row: randomRow(random), maxima: new Float32Array() };
    logits.row[3] = 1e4;
    refreshMaxima(logits, [3]);
    const [selected, workspace] = [new Int32Array(vocabularySize), new Float32Array(vocabularySize)];
    const count = selectLargestInBlocks(logits, 9, 1, selected, workspace);
    expect([...selected.subarray(0, count)]).toEqual(selectNaively(logits.row, 9, 1));
  }
});

describe("a row that nothing can be chosen from is refused", () => {
  test.each([
    ["NaN", NaN],
    ["negative infinity", -Infinity],
  ])("when it is %s altogether", (_, logit) => {
    const row = new Float32Array(vocabularySize).fill(logit);
    expect(() => select(row, 5, 1)).toThrow("NaN or infinite");
    expect(Number.isFinite(row[highestToken(blocked(row))])).toBe(false);
  });

  test("when a logit is infinite", () => {
    const row = new Float32Array(vocabularySize);
    row[700] = Infinity;
    expect(() => select(row, 5, 1)).toThrow("NaN or infinite");
  });
});
