import { expect, test } from "vitest";
import { combine, middleOf } from "../../../bench/gpu/clients.js";

/** A token every 10 ms, the first after `ms`. */
const streamFrom = (ms: number) =>
  Array.from({ length: 6 }, (_, index) => ({ ms: ms + 10 * index, tokens: index + 1 }));

test("the clients of all processes count together, from the last one's second token to the first one's end", () => {
  // All of them decode in [30, 50] ms, with 100 tokens a second each.
  const runs = [
    { arrivals: [streamFrom(0), streamFrom(10)], clientCpuShare: 0.4 },
    { arrivals: [streamFrom(20)], clientCpuShare: 0.75 },
  ];
  const together = { tokensPerSecond: 300, clients: 3, processes: 2, clientCpuShare: 0.75 };
  expect(combine(runs)).toEqual({ ...together, isClientBound: false });
});

test("one process that used more than three quarters of a core may be what limits", () => {
  const runs = [
    { arrivals: [streamFrom(0)], clientCpuShare: 0.2 },
    { arrivals: [streamFrom(0)], clientCpuShare: 0.76 },
  ];
  expect(combine(runs)).toMatchObject({ clientCpuShare: 0.76, isClientBound: true });
});

test("of several rounds the one in the middle counts, with all that belongs to it", () => {
  const round = (tokensPerSecond: number) => ({ ...{ clients: 1, processes: 1 }, tokensPerSecond });
  const rounds = [300, 100, 200].map((rate) => ({
    ...round(rate),
    clientCpuShare: rate / 1000,
    isClientBound: rate > 250,
  }));
  expect(middleOf(rounds)).toEqual({ ...round(200), clientCpuShare: 0.2, isClientBound: false });
  expect(() => middleOf([])).toThrow("no round");
});

test("clients that were never all together have no rate", () => {
  expect(() => combine([{ arrivals: [streamFrom(0)] }, { arrivals: [streamFrom(60)] }])).toThrow("never");
});
