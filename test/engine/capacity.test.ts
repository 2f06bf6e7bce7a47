import { describe, expect, test } from "vitest";
import { ConfigurationError } from "../../src/errors.js";
import { planCapacity, type CapacityOptions } from "../../src/engine/capacity.js";
import { kvBytesPerToken } from "../../src/engine/index.js";
import type { KvDtype } from "../../src/model/index.js";

const MiB = 2 ** 20;
/** A token takes 2 (key, value) x 2 layers x 4 heads x 8 x 4 bytes = 512 bytes, a slot of 2048 positions 1 MiB. */
const shape = { layers: 2, kvHeads: 4, headDim: 8, vocabularySize: 100, positions: 2048 };
const gpt2Small = { layers: 12, kvHeads: 12, headDim: 64, vocabularySize: 50_257, positions: 1024 };

const device = { kind: "cpu" } as const;

function plan(options: Partial<CapacityOptions>, weightBytes = 0, kvDtype: KvDtype = "float32") {
  const defaults = { maxSlots: 1000, maxSequenceLength: 0, kvMemoryBytes: 0, memoryLimitBytes: 0 };
  return planCapacity({ shape, weightBytes, kvDtype, device }, { ...defaults, ...options });
}

test("a token takes a key and a value of every head in every layer", () => {
  expect([kvBytesPerToken(shape), kvBytesPerToken(gpt2Small)]).toEqual([512, 73_728]);
  expect(kvBytesPerToken(gpt2Small, "int8")).toBe(18_432);
});

describe("slots", () => {
  test("are as many as the KV memory holds", () => {
    const expected = { slots: 10, maxSequenceLength: 2048, kvBytesPerSlot: MiB, kvBytes: 10 * MiB };
    expect(plan({ kvMemoryBytes: 10 * MiB })).toEqual(expected);
    expect(plan({ kvMemoryBytes: 11 * MiB - 1 })).toEqual(expected);
  });

  test.each([
    ["cpu", 32],
    ["cuda", 256],
  ] as const)("are as many as a %s is good for where nobody says how many: %i", (kind, slots) => {
    const facts = { shape, weightBytes: 0, kvDtype: "float16", device: { kind } } as const;
    const options = { maxSlots: undefined, maxSequenceLength: 0, kvMemoryBytes: 1024 * MiB, memoryLimitBytes: 0 };
    expect(planCapacity(facts, options).slots).toBe(slots);
    expect(planCapacity(facts, { ...options, maxSlots: 300 }).slots).toBe(300);
  });

  test("are no more than allowed", () => {
    expect(plan({ kvMemoryBytes: 10 * MiB, maxSlots: 4 })).toMatchObject({ slots: 4, kvBytes: 4 * MiB });
  });

  test("are shorter and more with a lower maximum length, which never exceeds the model's", () => {
    expect(plan({ kvMemoryBytes: 10 * MiB, maxSequenceLength: 512 })).toEqual({
      slots: 40,
      maxSequenceLength: 512,
      kvBytesPerSlot: MiB / 4,
      kvBytes: 10 * MiB,
    });
    expect(plan({ kvMemoryBytes: 10 * MiB, maxSequenceLength: 4096 }).maxSequenceLength).toBe(2048);
  });

  test("take four fifths of what weights and 256 MiB for the process leave of the memory limit", () => {
    // 1000 - 256 - 244 = 500 MiB are left, of which 400 are for slots of 1 MiB.
    expect(plan({ memoryLimitBytes: 1000 * MiB }, 244 * MiB).slots).toBe(400);
    expect(plan({ memoryLimitBytes: 1000 * MiB }, 244 * MiB + 1).slots).toBe(399);
  });

  test("with an int8 cache are four times as many", () => {
    expect(plan({ kvMemoryBytes: 10 * MiB }, 0, "int8")).toEqual({
      ...{ slots: 40, maxSequenceLength: 2048 },
      ...{ kvBytesPerSlot: MiB / 4, kvBytes: 10 * MiB },
    });
  });

  test("follow the KV memory where it is given, whatever the memory limit", () => {
    expect(plan({ kvMemoryBytes: 3 * MiB, memoryLimitBytes: MiB }).slots).toBe(3);
  });

  test("of the 124M GPT-2 beside its float32 weights in 4 GiB are 37", () => {
    // 4,294,967,296 - 497,759,232 - 268,435,456 = 3,528,772,608; x 0.8 / (73,728 x 1024) = 37.39
    const options = { maxSlots: 64, maxSequenceLength: 0, kvMemoryBytes: 0, memoryLimitBytes: 4 * 2 ** 30 };
    const small = { shape: gpt2Small, kvDtype: "float32", device } as const;
    expect(planCapacity({ ...small, weightBytes: 497_759_232 }, options).slots).toBe(37);
  });
});

describe("when not even one slot fits", () => {
  test("the KV memory setting is named, with the numbers", () => {
    expect(() => plan({ kvMemoryBytes: MiB - 1 })).toThrow(
      new ConfigurationError(
        "one sequence of 2048 tokens needs 1048576 bytes of KV cache, the KV memory setting allows 1048575: " +
          "raise the memory or lower the maximum sequence length",
      ),
    );
  });

  test("the memory limit is named, with the numbers", () => {
    expect(() => plan({ memoryLimitBytes: 100 * MiB, maxSequenceLength: 1024 })).toThrow(
      new ConfigurationError(
        "one sequence of 1024 tokens needs 524288 bytes of KV cache, a memory limit of 104857600 bytes allows 0: " +
          "raise the memory or lower the maximum sequence length",
      ),
    );
  });
});
