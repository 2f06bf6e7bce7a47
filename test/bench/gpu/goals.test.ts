import { expect, test } from "vitest";
import { judgeGoals } from "../../../bench/gpu/goals.js";
import type { DecodeRow } from "../../../bench/gpu/limits.js";

const summary = (median: number) => ({ count: 1, median, lowerQuartile: median, upperQuartile: median });

function row(streams: number, stepMs: number, achieved: number, toPytorch: number | undefined): DecodeRow {
  return { streams, tokensPerSecond: summary(1), stepMs, leastMs: 1, achieved, pytorchMs: 1, toPytorch };
}

const clientsAt = (tokensPerSecond: number) => ({
  ...{ tokensPerSecond, clients: 64, processes: 4, clientCpuShare: 0.5, isClientBound: false },
});

const startsAt = (...servingMs: number[]) => ({ servingMs, parts: [] });

test("a figure that is the goal meets it, one beyond it misses it, and what was not measured does neither", () => {
  const goals = judgeGoals({
    decode: [row(1, 0.6, 0.2, undefined), row(64, 1, 0.599, 1.5), row(256, 3, 0.6, undefined)],
    prefillMs: summary(3.01),
    clients: clientsAt(25_000),
    starts: { plain: startsAt(2000, 3500, 2900), cached: startsAt(100) },
  });
  expect(goals.map(({ what, figure, isMet }) => [what, figure, isMet])).toEqual([
    ["decode, 1 stream", "0.60", true],
    ["decode, 64 streams", "60", false],
    ["decode, 256 streams", "60", true],
    ["decode, 64 streams, to PyTorch", "1.50", true],
    ["decode, 256 streams, to PyTorch", undefined, undefined],
    ["prefill, 512 tokens", "3.01", false],
    ["64 gRPC clients", "25000", true],
    ["start to SERVING", "2900", true],
  ]);
});

test("the goals are those that were asked for", () => {
  const goals = judgeGoals({ decode: [], prefillMs: undefined, clients: undefined, starts: undefined });
  expect(goals.map(({ goal }) => goal)).toEqual([
    ...["<= 0.6 ms a token", ">= 60 % of the bandwidth", ">= 60 % of the bandwidth", ">= 1.5 x", ">= 1.5 x"],
    ...["<= 3 ms", ">= 25000 tokens/s", "<= 3000 ms"],
  ]);
  expect(new Set(goals.map(({ isMet }) => isMet))).toEqual(new Set([undefined]));
});
