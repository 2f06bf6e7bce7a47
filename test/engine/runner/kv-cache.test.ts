import { describe, expect, test } from "vitest";
import { ConfigurationError } from "../../../src/errors.js";
import { KvCache } from "../../../src/engine/runner/kv-cache.js";
import { liveTensors, OrtCallError, type Session, type Tensor } from "../../../src/ort/index.js";
import { onFakeDevice } from "../../support/fake-device.js";
import { doublingSession } from "../../support/graphs.js";

const shape = { layers: 2, kvHeads: 2, headDim: 8, vocabularySize: 10, positions: 4 };
/** Of one slot with four positions: 2 heads x 4 positions x 8. */
const rowLength = 64;

function valuesOf(tensor: Tensor): Float32Array {
  const bytes = tensor.bytes();
  return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
}

/** Numbers of one slot; those of each tensor are distinct. */
function numberAll(cache: KvCache): void {
  for (const [layer, { key, value }] of cache.rows(0, cache.slots).entries()) {
    for (const [part, tensor] of [key, value].entries()) {
      const values = valuesOf(tensor);
      for (let index = 0; index < values.length; index += 1) values[index] = 1000 * (2 * layer + part) + index;
      tensor.dispose();
    }
  }
}

function slotsOf(cache: KvCache): number[][] {
  const tensors = cache.rows(0, cache.slots).flatMap(({ key, value }) => [key, value]);
  const values = tensors.map((tensor) => [...valuesOf(tensor)]);
  for (const tensor of tensors) tensor.dispose();
  return Array.from({ length: cache.slots }, (_, slot) =>
    values.flatMap((each) => each.slice(slot * rowLength, (slot + 1) * rowLength)),
  );
}

test("copies the first positions of every head, key and value and layer, and nothing else", async () => {
  using session = await doublingSession();
  using cache = new KvCache(session, shape, 3, 4);
  numberAll(cache);
  const before = slotsOf(cache);
  cache.copy(2, 0, 3);
  // Position p of a head lies at 8p in its 32 numbers: the fourth stays as it was.
  const expected = before[0]?.map((own, index) => (index % 32 < 24 ? before[2]?.[index] : own));
  expect(slotsOf(cache)).toEqual([expected, before[1], before[2]]);
});

test("of int8 copies as many positions, of one byte a number", async () => {
  using session = await doublingSession();
  using cache = new KvCache(session, shape, 3, 4, "int8");
  const tensors = cache.rows(0, 3).flatMap(({ key, value }) => [key, value]);
  for (const tensor of tensors) tensor.bytes().set(Array.from({ length: 3 * rowLength }, (_, index) => index));
  cache.copy(2, 0, 3);
  const expected = Array.from({ length: rowLength }, (_, index) => (index % 32 < 24 ? 2 * rowLength + index : index));
  for (const tensor of tensors) {
    expect([...tensor.bytes().subarray(0, rowLength)]).toEqual(expected);
    tensor.dispose();
  }
  expect(tensors.map(({ byteLength }) => byteLength)).toEqual(tensors.map(() => 3 * rowLength));
});

test("gives rows as windows on the same memory", async () => {
  using session = await doublingSession();
  using cache = new KvCache(session, shape, 3, 4);
  const [whole] = cache.rows(0, 3);
  const [last] = cache.rows(2, 1);
  expect([whole?.key.shape, last?.value.shape]).toEqual([
    [3, 2, 4, 8],
    [1, 2, 4, 8],
  ]);
  last?.value.bytes().fill(7);
  expect(whole?.value.bytes().subarray(2 * rowLength * 4)).toEqual(last?.value.bytes());
  for (const tensor of [whole, last].flatMap((layer) => [layer?.key, layer?.value])) tensor?.dispose();
});

test("takes no memory for rows that nobody has written, and takes it when they are", async () => {
  const MiB = 2 ** 20;
  using session = await doublingSession();
  const before = process.memoryUsage.rss();
  // A slot has 8 tensors of 4 heads x 4096 positions x 64 x 4 bytes = 4 MiB: 64 of them are 2 GiB.
  using cache = new KvCache(session, { ...shape, layers: 4, kvHeads: 4, headDim: 64 }, 64, 4096);
  const reserved = process.memoryUsage.rss() - before;
  const tensors = cache.rows(0, 4).flatMap(({ key, value }) => [key, value]);
  for (const tensor of tensors) tensor.bytes().fill(1);
  const written = process.memoryUsage.rss() - before - reserved;
  for (const tensor of tensors) tensor.dispose();
  expect(reserved).toBeLessThan(64 * MiB);
  expect(written).toBeGreaterThan(0.9 * 128 * MiB);
});

describe("memory that runs out at the third tensor", () => {
  const text = "Available memory of 512 is smaller than requested bytes of 768";

  function exhausted(session: Session): Session {
    let left = 2;
    const createTensor: Session["api"]["createTensor"] = (...args) => {
      if (left-- === 0) throw new OrtCallError("CreateTensorAsOrtValue", 6, text);
      return session.api.createTensor(...args);
    };
    const api = Object.create(session.api, { createTensor: { value: createTensor } }) as Session["api"];
    return Object.create(session, { api: { value: api } }) as Session;
  }

  test("of a device is told with what the cache takes and what lowers it, and the rest is given back", async () => {
    using owner = await doublingSession();
    const before = liveTensors();
    const open = (): KvCache => new KvCache(exhausted(onFakeDevice(owner)), shape, 3, 4, "float16");
    expect(open).toThrow(ConfigurationError);
    // 2 layers x 2 x 3 slots x 64 numbers of 2 bytes.
    expect(open).toThrow(
      "the device has too little memory for the KV cache (1536 bytes were asked for): " +
        "lower --kv-memory, --max-slots or --max-sequence-length, or raise --device-memory-share",
    );
    expect(liveTensors()).toBe(before);
  });

  test("of the host stays what it is", async () => {
    using session = await doublingSession();
    expect(() => new KvCache(exhausted(session), shape, 3, 4)).toThrow(OrtCallError);
  });
});
