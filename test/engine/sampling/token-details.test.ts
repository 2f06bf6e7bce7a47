import { expect, test } from "vitest";
import { Candidates } from "../../../src/engine/sampling/candidates.js";
import { promptTokenDetail } from "../../../src/engine/sampling/token-details.js";
import { allDetails, noDetails } from "./requests.js";

const pieceOf = (id: number): string => `<${id}>`;
const candidates = new Candidates(4);

test("says nothing of the first prompt token but that its logprob is unknown", () => {
  const first = { id: 2, piece: "<2>", rank: 0, top: [] };
  expect(promptTokenDetail(2, undefined, allDetails(3), pieceOf, candidates)).toEqual({ ...first, logprob: NaN });
  const withoutLogprobs = { ...noDetails, promptTokens: true, ranks: true };
  expect(promptTokenDetail(2, undefined, withoutLogprobs, pieceOf, candidates)).toEqual({ ...first, logprob: 0 });
});

test("rates a prompt token by the raw logits of the position before it, and leaves them as they are", () => {
  const row = Float32Array.from([1, 0.5, 0.25, 0.25], Math.log); // probabilities 1/2, 1/4, 1/8, 1/8
  const before = row.slice();
  const detail = promptTokenDetail(2, row, allDetails(2), pieceOf, candidates);
  expect(detail).toMatchObject({ id: 2, piece: "<2>", rank: 3 });
  expect(detail.logprob).toBeCloseTo(Math.log(1 / 8), 6);
  expect(detail.top.map(({ id }) => id)).toEqual([0, 1]);
  expect(detail.top[0]?.logprob).toBeCloseTo(Math.log(1 / 2), 6);
  expect(row).toEqual(before);
});
