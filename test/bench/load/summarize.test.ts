import { describe, expect, test } from "vitest";
import type { Pulse, RequestRecord } from "../../../bench/load/client/messages.js";
import { judgeEffort } from "../../../bench/load/report/client-effort.js";
import { PulseSeries } from "../../../bench/load/report/pulses.js";
import { latencyOf, summarizeRecords } from "../../../bench/load/report/summarize.js";

const slo = { firstTokenMs: 100, tokenMs: 10, share: 0.95 };
const window = { startMs: 1000, endMs: 3000 };

/** Due at a time, with `[ms, tokens]` pairs; it ends with its last token. */
function record(
  dueMs: number,
  arrivals: readonly [number, number][],
  more: Partial<RequestRecord> = {},
): RequestRecord {
  return {
    ...{ traffic: 0, dueMs, endMs: arrivals.at(-1)?.[0] ?? dueMs, wantedPromptTokens: 8, promptTokens: 8 },
    ...{ wantedTokens: arrivals.at(-1)?.[1] ?? 4, isCounted: true, errorCode: undefined, errorMessage: undefined },
    arrivals: arrivals.map(([ms, tokens]) => ({ ms, tokens })),
    ...more,
  };
}

const failed = (dueMs: number, errorCode: string): RequestRecord => record(dueMs, [], { errorCode });

const summarize = (...records: RequestRecord[]) => summarizeRecords(records, window, slo, true);

describe("the figures of a run", () => {
  test("have latencies of the requests that were due while it was measured, wherever they ended", () => {
    const before = record(999, [[1500, 1]]);
    const inside = record(1000, [
      [1050, 1],
      [1060, 2],
    ]);
    const late = record(2999, [
      [3099, 1],
      [3129, 2],
    ]);
    const after = record(3000, [[3001, 1]]);
    const { outcome } = summarize(before, inside, late, after);
    expect([outcome.requests.due, outcome.firstTokenMs, outcome.tokenMs, outcome.endToEndMs]).toMatchObject([
      2,
      { count: 2, mean: 75, p50: 75, max: 100 },
      { count: 2, mean: 20, p50: 20, max: 30 },
      { count: 2, mean: 95, p50: 95, max: 130 },
    ]);
  });

  test("have the rate of decoding, without the time to the first token: the median of the requests", () => {
    const slow = record(1000, [
      [1900, 1],
      [2000, 3],
    ]);
    const fast = record(1000, [
      [1100, 1],
      [1150, 2],
      [1200, 5],
    ]);
    const single = record(1000, [[1500, 1]]);
    expect(summarize(slow, fast, single).outcome.decodeTokensPerSecond).toBe(30); // of 20 and 40
    expect(summarize(single).outcome.decodeTokensPerSecond).toBeUndefined();
  });

  test("have rates of what happened while it was measured, whichever request it belongs to", () => {
    const before = record(500, [
      [900, 1],
      [1000, 3],
      [1100, 4],
    ]);
    const late = record(2900, [
      [2950, 1],
      [3000, 5],
    ]);
    // 3 tokens of the first and 1 of the second in 2 s; the first ended in the window, the second behind it.
    expect(summarize(before, late).rates).toMatchObject({ tokensPerSecond: 2, requestsPerSecond: 0.5 });
  });

  test("share the time between tokens that came together", () => {
    const { outcome } = summarize(
      record(1000, [
        [1050, 1],
        [1110, 4],
      ]),
    );
    expect(outcome.tokenMs).toMatchObject({ count: 3, mean: 20, max: 20 });
  });

  test("call a request good when its first token and the mean of its others met the objective", () => {
    const good = record(1000, [
      [1100, 1],
      [1102, 2],
      [1120, 3],
    ]);
    const lateFirst = record(1000, [
      [1101, 1],
      [1102, 2],
    ]);
    const slow = record(1000, [
      [1010, 1],
      [1021, 2],
    ]);
    const { outcome, rates } = summarize(good, lateFirst, slow, failed(1000, "UNAVAILABLE"));
    expect([outcome.requests, rates.goodput]).toEqual([{ due: 4, answered: 3, failed: 1, good: 1 }, 0.5]);
  });

  test("count errors by code, of what was due while it was measured", () => {
    const { outcome } = summarize(
      ...[failed(1000, "HTTP 429"), failed(1100, "HTTP 429"), failed(1200, "timeout"), failed(3000, "timeout")],
    );
    expect([...outcome.errors]).toEqual([
      ["HTTP 429", 2],
      ["timeout", 1],
    ]);
    expect(outcome.firstTokenMs).toBeUndefined();
  });

  test("count tokens by the server, and what it counts otherwise than was meant", () => {
    const short = record(1000, [[1010, 3]], { wantedTokens: 8, promptTokens: 9 });
    const { tokens } = summarize(short, record(1000, [[1010, 8]]));
    expect(tokens).toEqual({ prompt: 17, completion: 11, completionWanted: 16, promptMismatches: 1, uncounted: 0 });
  });

  test("do not know prompt tokens that a server did not tell, nor mismatches where words are no tokens", () => {
    const silent = record(1000, [[1010, 1]], { promptTokens: undefined });
    expect(summarize(silent).tokens).toMatchObject({ prompt: undefined, promptMismatches: 0 });
    const other = record(1000, [[1010, 1]], { promptTokens: 9 });
    expect(summarize(record(1000, [[1010, 1]], { isCounted: false })).tokens.uncounted).toBe(1);
    expect(summarizeRecords([other], window, slo, false).tokens).toMatchObject({ prompt: 9, promptMismatches: 0 });
  });
});

test("percentiles are interpolated between neighbours", () => {
  const latency = latencyOf([40, 10, 30, 20]);
  expect(latency).toMatchObject({ count: 4, mean: 25, p50: 25, max: 40 });
  expect([latency?.percentiles[0], latency?.percentiles[25], latency?.percentiles[100]]).toEqual([10, 17.5, 40]);
  expect([latency?.p90, latency?.p99].map((ms) => ms?.toFixed(6))).toEqual(["37.000000", "39.700000"]);
  expect(latencyOf([])).toBeUndefined();
});

test("pulses are what was added in each half second", () => {
  const series = new PulseSeries();
  const pulse = (tokens: number, sent: number, answered: number, failed: number): Pulse => ({
    ...{ tokens, sent, answered, failed },
  });
  series.add(500, pulse(10, 4, 0, 0));
  series.add(990, pulse(20, 5, 1, 0)); // the same half second: the later sum counts
  series.add(2100, pulse(50, 9, 2, 3)); // nothing was told for a second
  expect(series.points()).toEqual([
    { seconds: 1, tokensPerSecond: 40, inFlight: 4 },
    { seconds: 2.5, tokensPerSecond: 20, inFlight: 4 },
  ]);
});

describe("clients", () => {
  const effort = (cpuShare: number, p99: number) => ({ cpuShare, loopDelay: { p50: 0, p99, max: p99 } });

  test("that kept up are not warned of, and the busiest and the latest are told", () => {
    expect(judgeEffort([effort(0.2, 9), effort(0.7, 1)])).toEqual({
      ...{ processes: 2, cpuShare: 0.7, loopDelayP99Ms: 9, warning: undefined },
    });
  });

  test("that were busy or late are", () => {
    expect(judgeEffort([effort(0.76, 1)]).warning).toMatch(/busy 76% of the time/);
    expect(judgeEffort([effort(0.1, 11)]).warning).toMatch(/11 ms late/);
  });
});
