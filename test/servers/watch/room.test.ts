import { expect, test } from "vitest";
import { checkRoom, halfOf, limitBeside, missingRoom, type Room } from "../../../src/servers/swapping/room.js";
import { fixture } from "../../support/checkpoints.js";

const mebibyte = 2 ** 20;
const cpu = { kind: "cpu" } as const;
const cuda = { kind: "cuda", id: 0 } as const;
const inProcess = (mebibytes: number): Room => ({ device: cpu, limitBytes: mebibytes * mebibyte });
const onDevice = (mebibytes: number): Room => ({ device: cuda, limitBytes: mebibytes * mebibyte });
const footprint = (weights: number, kv: number) => ({
  model: { weightBytes: weights * mebibyte },
  capacity: { kvBytes: kv * mebibyte },
});

test("each of two models is planned with half of what the process leaves: 256 MiB are its own", () => {
  expect(halfOf(inProcess(1256))).toBe(756 * mebibyte);
  expect(limitBeside(footprint(300, 200), inProcess(1256))).toBe(756 * mebibyte);
});

test("beside a model that takes more than its half there is less", () => {
  expect(limitBeside(footprint(500, 300), inProcess(1256))).toBe(456 * mebibyte);
});

test("a limit that cannot hold two of a model is told with what they need", () => {
  expect(missingRoom(footprint(300, 200), inProcess(1256))).toBeUndefined();
  expect(missingRoom(footprint(300, 201), inProcess(1256))).toEqual({ neededBytes: 1258 * mebibyte });
});

test("of a device's memory each has half, in which 256 MiB are for its steps", () => {
  expect(halfOf(onDevice(1000))).toBe(500 * mebibyte);
  expect(limitBeside(footprint(100, 100), onDevice(1000))).toBe(500 * mebibyte);
  expect(limitBeside(footprint(300, 200), onDevice(1000))).toBe(244 * mebibyte);
  expect(missingRoom(footprint(144, 100), onDevice(1000))).toBeUndefined();
  expect(missingRoom(footprint(145, 100), onDevice(1000))).toEqual({ neededBytes: 1002 * mebibyte });
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
    const planned = {
      device: cpu,
      maxSlots: 32,
      maxSequenceLength: 0,
      kvMemoryBytes,
      memoryLimitBytes: limit * mebibyte,
    };
    await expect(checkRoom(fixture("micro-gpt2"), planned)).rejects.toMatchObject({ name: "NoRoomError" });
    await expect(checkRoom(fixture("micro-gpt2"), planned)).rejects.toThrow(message);
  },
);

test("a model that keeps the limit is let in", async () => {
  const planned = {
    device: cpu,
    maxSlots: 2,
    maxSequenceLength: 0,
    kvMemoryBytes: 0,
    memoryLimitBytes: 264 * mebibyte,
  };
  await expect(checkRoom(fixture("micro-gpt2"), planned)).resolves.toBeUndefined();
});

test("a model for a device is counted in float16: 194,624 numbers of 2 bytes, and half of the cache", async () => {
  const planned = { device: cuda, maxSlots: 2, maxSequenceLength: 0, kvMemoryBytes: mebibyte };
  const room = (bytes: number) => ({ ...planned, memoryLimitBytes: 256 * mebibyte + bytes });
  const needed = 389_248 + 2 * 73_728;
  await expect(checkRoom(fixture("micro-gpt2"), room(needed))).resolves.toBeUndefined();
  await expect(checkRoom(fixture("micro-gpt2"), room(needed - 1))).rejects.toThrow(
    "(weights 389248, KV cache 147456), and beside",
  );
});
