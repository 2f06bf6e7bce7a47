import { describe, expect, test } from "vitest";
import { slidingWindows } from "../../../src/model/evaluation/windows.js";

describe("slidingWindows", () => {
  const rows: [what: string, sizes: [tokens: number, length: number, stride: number], windows: number[][]][] = [
    ["a text shorter than a window is one", [3, 4, 2], [[0, 3, 1]]],
    ["a text of a window's length is one", [4, 4, 2], [[0, 4, 1]]],
    ["one token more is a second window, in which it alone is scored", [5, 4, 2], [[0, 4, 1], [2, 5, 4]]], // prettier-ignore
    ["later windows score a stride each", [8, 4, 2], [[0, 4, 1], [2, 6, 4], [4, 8, 6]]], // prettier-ignore
    ["a stride of all but one token leaves one before it", [7, 4, 3], [[0, 4, 1], [3, 7, 4]]], // prettier-ignore
  ];
  test.each(rows)("%s", (_, [tokens, length, stride], windows) => {
    expect(slidingWindows(tokens, length, stride).map(Object.values)).toEqual(windows);
  });

  test("scores every token but the first once, each with tokens before it, whatever the sizes", () => {
    for (let tokens = 2; tokens < 40; tokens += 1) {
      for (let length = 2; length < 12; length += 1) {
        for (let stride = 1; stride < length; stride += 1) {
          const scored = slidingWindows(tokens, length, stride).flatMap(({ start, end, scoredFrom }) => {
            expect([end - start <= length, start < scoredFrom]).toEqual([true, true]);
            return Array.from({ length: end - scoredFrom }, (_, index) => scoredFrom + index);
          });
          expect(scored).toEqual(Array.from({ length: tokens - 1 }, (_, index) => index + 1));
        }
      }
    }
  });
});
