import { describe, expect, test } from "vitest";
import { countArrivals, type Part } from "../../../bench/load/client/recording.js";
import { EventReader } from "../../../bench/load/targets/events.js";

describe("parts of an answer", () => {
  const parts = (...tokens: (number | undefined)[]) =>
    tokens.map((count, index) => ({ ms: 10 * index, tokens: count }));
  const counted = (all: readonly Part[], total: number | undefined) =>
    countArrivals(all, total, 99).map(({ tokens }) => tokens);

  test("have the server's counts where it counts along", () => {
    expect(counted(parts(1, 2, 5), 5)).toEqual([1, 2, 5]);
  });

  test("share what it counts at the end, evenly, and none is lost", () => {
    expect(counted(parts(undefined, undefined, undefined), 3)).toEqual([1, 2, 3]);
    expect(counted(parts(undefined, undefined, undefined, undefined), 6)).toEqual([2, 3, 5, 6]);
  });

  test("leave to the end what none of them told of: tokens without text", () => {
    expect(countArrivals([], 2, 99)).toEqual([{ ms: 99, tokens: 2 }]);
    expect(countArrivals(parts(1, 2), 3, 99).at(-1)).toEqual({ ms: 99, tokens: 3 });
  });

  test("count one each when the end did not come", () => {
    expect(counted(parts(undefined, undefined), undefined)).toEqual([1, 2]);
  });
});

test("server-sent events are read wherever the stream is cut", () => {
  const stream = 'data: {"a":1}\n\n: a comment\r\ndata:{"b":"é"}\r\n\r\nevent: x\ndata: [DONE]\n\n';
  for (let length = 1; length <= stream.length; length += 1) {
    const seen: string[] = [];
    const reader = new EventReader((data) => seen.push(data));
    for (let start = 0; start < stream.length; start += length) reader.read(stream.slice(start, start + length));
    expect(seen).toEqual(['{"a":1}', '{"b":"é"}', "[DONE]"]);
  }
});
