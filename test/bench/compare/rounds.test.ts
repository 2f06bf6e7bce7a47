import { expect, test } from "vitest";
import { figuresOf } from "../../../bench/compare/ask.js";
import { runRounds, type Side } from "../../../bench/compare/rounds.js";

test("rounds take every trial on both sides in changing order; the first warms up and counts for nothing", async () => {
  const taken: string[] = [];
  const speeds: Record<Side, readonly number[]> = { base: [1000, 10, 20], head: [1, 30, 40] };
  const trial = async (side: Side, round: number) => {
    taken.push(`${side} ${round}`);
    return Promise.resolve(new Map([["speed", speeds[side][round]]]));
  };
  const [row, ...others] = await runRounds([trial], 2, () => undefined);
  expect(taken).toEqual(["base 0", "head 0", "head 1", "base 1", "base 2", "head 2"]);
  expect(row).toMatchObject({ figure: "speed", base: { count: 2, median: 15 }, head: { median: 35 }, ratio: 2.5 });
  expect(row?.interval).toMatchObject({ lower: 2, upper: 3 });
  expect(others).toEqual([]);
});

test("a round in which one side could not be measured has no ratio", async () => {
  const trial = async (side: Side, round: number) =>
    Promise.resolve(new Map([["speed", side === "head" && round === 1 ? undefined : 2 * round]]));
  const [row] = await runRounds([trial], 2, () => undefined);
  expect(row).toMatchObject({ base: { count: 2 }, head: { count: 1, median: 4 }, ratio: 1, interval: undefined });
});

test("answers to requests that were sent together have a rate each, and one together", () => {
  const arrivals = (...pairs: [ms: number, tokens: number][]) => pairs.map(([ms, tokens]) => ({ ms, tokens }));
  const figures = figuresOf([
    { text: "", arrivals: arrivals([100, 1], [200, 3]), endMs: 210 }, // 2 tokens in 0.1 s
    { text: "", arrivals: arrivals([300, 1], [400, 5]), endMs: 500 }, // 4 in 0.1 s
  ]);
  expect([...figures]).toEqual([
    ["decode of a stream: tokens/s", 30],
    ["with prefill: tokens/s", 16],
    ["first token: ms", 200],
  ]);
});
