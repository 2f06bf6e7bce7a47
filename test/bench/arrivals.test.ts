import { describe, expect, test } from "vitest";
import { ArrivalLog, firstTokenMs, steadyRate, type Arrival } from "../../bench/engine/arrivals.js";

/** `[ms, tokens]` pairs. */
const sequence = (...pairs: [number, number][]): Arrival[] => pairs.map(([ms, tokens]) => ({ ms, tokens }));

describe("the steady rate", () => {
  test("of one sequence leaves out the prefill and the step after it", () => {
    // Tokens 2, 3, 4 and 5 at 110, 120, 130 and 140 ms: three steps of 10 ms.
    expect(steadyRate([sequence([100, 1], [110, 2], [120, 3], [130, 4], [140, 5])])).toBe(100);
  });

  test("counts only while every sequence decodes: from the last one's second token to the first one's end", () => {
    const early = sequence([10, 1], [20, 2], [30, 3], [80, 4], [90, 5], [100, 6]);
    const late = sequence([30, 1], [80, 2], [90, 3], [100, 4], [101, 5], [102, 6]);
    // In [80, 100] each has two steps in 20 ms, 100 tokens a second; what is slower before and faster after is left out.
    expect(steadyRate([early, late])).toBe(200);
  });

  test("loses nothing at the edges when the tokens of a step arrive one after the other", () => {
    const first = sequence([0, 1], [10, 2], [20, 3], [30, 4], [40, 5]);
    const second = sequence([1, 1], [11, 2], [21, 3], [31, 4], [41, 5]);
    expect(steadyRate([first, second])).toBe(200); // not 175: the window [11, 40] has 3 + 3 arrivals in 29 ms
  });

  test("takes an arrival of several tokens as so many", () => {
    expect(steadyRate([sequence([0, 1], [10, 2], [40, 5], [50, 6])])).toBe(100);
  });

  test("is unknown when a sequence ended before another one decoded", () => {
    expect(steadyRate([sequence([0, 1], [10, 2], [20, 3]), sequence([30, 1], [40, 2], [50, 3])])).toBeUndefined();
  });

  test("is unknown when the window has a single arrival", () => {
    expect(steadyRate([sequence([0, 1], [10, 2])])).toBeUndefined();
  });
});

describe("the log of a run", () => {
  test("opens the window with the last second token, and closes it with the first end", () => {
    const seen: string[] = [];
    const log = new ArrivalLog(2, 3, { opened: () => seen.push("opened"), closed: () => seen.push("closed") });
    const record = (index: number, tokens: number): void => {
      seen.push(`${index}:${tokens}`);
      log.record(index, tokens);
    };
    record(0, 1);
    record(0, 2);
    record(1, 1);
    record(1, 2);
    record(0, 3);
    record(1, 3);
    expect(seen).toEqual(["0:1", "0:2", "1:1", "1:2", "opened", "0:3", "closed", "1:3"]);
  });

  test("gives the arrivals of each sequence in order", () => {
    const log = new ArrivalLog(2, 2);
    log.record(1, 1);
    log.record(0, 1);
    log.record(1, 2);
    log.record(0, 2);
    expect(log.finish().map((list) => list.map(({ tokens }) => tokens))).toEqual([
      [1, 2],
      [1, 2],
    ]);
  });

  test("refuses a run in which a sequence has too few tokens, or too many", () => {
    const short = new ArrivalLog(2, 2);
    short.record(0, 2);
    expect(() => short.finish()).toThrow("a sequence ended with 0 of 2 tokens");
    const long = new ArrivalLog(1, 2);
    long.record(0, 3);
    expect(() => long.finish()).toThrow("a sequence ended with 3 of 2 tokens");
  });

  test("refuses a token of a sequence that does not exist", () => {
    expect(() => new ArrivalLog(1, 2).record(1, 1)).toThrow("sequence 1");
  });
});

test("the first token is the first sequence's first arrival", () => {
  expect(firstTokenMs([sequence([12, 1], [20, 2])])).toBe(12);
  expect(() => firstTokenMs([[]])).toThrow("no first token");
});
