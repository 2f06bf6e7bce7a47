import { expect, test } from "vitest";
import type { Contestant, PrecisionClass, RunningContestant } from "../../../bench/peers/contestant.js";
import { agreement, decodeRows, prefillRows, type Entry } from "../../../bench/peers/rounds.js";

interface Measured {
  readonly rates: (number | undefined)[];
  readonly prefillMs?: number[];
  readonly tokenIds?: number[][];
}

function entry(peer: string, precisionClass: PrecisionClass, { rates, prefillMs = [], tokenIds }: Measured): Entry {
  const unused = (): never => {
    throw new Error("nothing runs here");
  };
  const running: RunningContestant = {
    ...{ version: "", readyMs: 0, run: unused, residentBytes: unused, [Symbol.asyncDispose]: unused },
  };
  const contestant: Contestant = {
    ...{ peer, precision: precisionClass, precisionClass, settings: "", prepare: unused, start: unused },
  };
  return { contestant, running, rates: new Map([[8, rates]]), prefillMs, tokenIds, failure: undefined };
}

test("a ratio is ours of the same class over the peer's, round by round", () => {
  const ours = entry("ortler", "float32", { rates: [100, 200, 300] });
  const oursReduced = entry("ortler", "reduced", { rates: [1000, 1000, 1000] });
  const peer = entry("peer", "float32", { rates: [50, 200, 100] });
  const rows = decodeRows([ours, oursReduced, peer], [ours, oursReduced]);
  expect(rows.map(({ tokensPerSecond, ratio }) => [tokensPerSecond?.median, ratio?.median])).toEqual([
    [200, 1],
    [1000, 1],
    [100, 2], // of 2, 1 and 3
  ]);
});

test("a round without a steady window on either side has no ratio", () => {
  const ours = entry("ortler", "float32", { rates: [100, undefined, 300] });
  const peer = entry("peer", "float32", { rates: [undefined, 200, 100] });
  expect(decodeRows([peer], [ours])[0]?.ratio).toMatchObject({ count: 1, median: 3 });
});

test("a peer of a class that we do not have has no ratio", () => {
  const peer = entry("peer", "reduced", { rates: [100] });
  expect(decodeRows([peer], [entry("ortler", "float32", { rates: [100] })])[0]?.ratio).toBeUndefined();
});

test("prefill is the prompt's tokens over the time to its first token", () => {
  const ours = entry("ortler", "float32", { rates: [], prefillMs: [100, 100] });
  const peer = entry("peer", "float32", { rates: [], prefillMs: [200, 400] });
  const rows = prefillRows([ours, peer], [ours], 256);
  expect(rows.map(({ tokensPerSecond, ratio }) => [tokensPerSecond?.median, ratio?.median])).toEqual([
    [2560, 1],
    [960, 3], // 1280 and 640; 2 and 4
  ]);
});

test("agreement is the share of sequences with every token of the first float32 peer that tells its tokens", () => {
  const ours = entry("ortler", "float32", { rates: [] });
  const first = entry("first", "float32", { rates: [], tokenIds: [[1, 2], [3, 4]] }); // prettier-ignore
  const second = entry("second", "reduced", { rates: [], tokenIds: [[1, 2], [3, 5]] }); // prettier-ignore
  expect(agreement([ours, second, first])).toEqual([
    { peer: "second", precision: "reduced", sameSequences: 0.5 },
    { peer: "first", precision: "float32", sameSequences: 1 },
  ]);
});
