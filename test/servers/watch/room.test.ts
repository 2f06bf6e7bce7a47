import { expect, test } from "vitest";
import { checkRoom, halfOf, limitBeside, missingRoom } from "../../../src/servers/swapping/room.js";
import { fixture } from "../../support/checkpoints.js";

const mebibyte = 2 ** 20;
const footprint = (weights: number, kv: number) => ({
  model: { weightBytes: weights * mebibyte },
  capacity: { kvBytes: kv * mebibyte },
});

test("each of two models is planned with half of what the process leaves: 256 MiB are its own", () => {
  expect(halfOf(1256 * mebibyte)).toBe(756 * mebibyte);
  expect(limitBeside(footprint(300, 200), 1256 * mebibyte)).toBe(756 * mebibyte);
});

test("beside a model that takes more than its half there is less", () => {
  expect(limitBeside(footprint(500, 300), 1256 * mebibyte)).toBe(456 * mebibyte);
});

test("a limit that cannot hold two of a model is told with what they need", () => {
  expect(missingRoom(footprint(300, 200), 1256 * mebibyte)).toBeUndefined();
  expect(missingRoom(footprint(300, 201), 1256 * mebibyte)).toEqual({ neededBytes: 1258 * mebibyte });
});

/** micro-gpt2: one sequence of 96 tokens takes 3 layers x 2 x 64 x 4 bytes x 96 = 147,456 bytes of KV cache. */
test.each([
  ["no sequence", 256, 0, /one sequence of 96 tokens needs 147456 bytes of KV cache/],
  [
    "less than the KV cache that is asked for",
    257,
    mebibyte,
    /it needs \d+ bytes \(weights \d+, KV cache 1032192\), and .* there are/,
  ],
])(
  "where there is room for %s a model is refused by its headers, with the figures",
  async (_, limit, kvMemoryBytes, message) => {
    const planned = { maxSlots: 32, maxSequenceLength: 0, kvMemoryBytes, memoryLimitBytes: limit * mebibyte };
    await expect(checkRoom(fixture("micro-gpt2"), planned)).rejects.toMatchObject({ name: "NoRoomError" });
    await expect(checkRoom(fixture("micro-gpt2"), planned)).rejects.toThrow(message);
  },
);

test("a model that keeps the limit is let in", async () => {
  const planned = { maxSlots: 2, maxSequenceLength: 0, kvMemoryBytes: 0, memoryLimitBytes: 264 * mebibyte };
  await expect(checkRoom(fixture("micro-gpt2"), planned)).resolves.toBeUndefined();
});
