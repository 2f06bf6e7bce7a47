import { defaultSlots } from "../config/settings/engine.js";
import { ConfigurationError } from "../errors.js";
import { kvBytesPerToken, kvShare, workingBytes, type DecoderShape, type KvDtype } from "../model/index.js";
import type { DeviceChoice } from "../ort/index.js";

/** What the operator allows. */
export interface CapacityOptions {
  /** The most sequences that run at once, at least 1; undefined = what the device is good for. */
  readonly maxSlots: number | undefined;
  /** Prompt and completion tokens of one sequence; 0 = as many as the model has positions, which is also the limit. */
  readonly maxSequenceLength: number;
  /** Bytes that the KV cache may grow to; 0 = a share of what the memory limit leaves. */
  readonly kvMemoryBytes: number;
  /** Memory that the model may use: of this process, what its container or the machine has; or of a device. */
  readonly memoryLimitBytes: number;
}

/** How many sequences of which length fit, and what they take when all are full. */
export interface Capacity {
  readonly slots: number;
  /** Positions of a slot. */
  readonly maxSequenceLength: number;
  readonly kvBytesPerSlot: number;
  /** Reserved as address space; committed page by page as rows grow. */
  readonly kvBytes: number;
}

/** Of a model, what its memory follows from. */
export interface MemoryFacts {
  readonly shape: DecoderShape;
  /** Of the weights that stay in memory. */
  readonly weightBytes: number;
  readonly kvDtype: KvDtype;
  /** Where it computes. */
  readonly device: Pick<DeviceChoice, "kind">;
}

/**
 * Slots and context length from a stated budget.
 * @throws {ConfigurationError} when not even one sequence fits, with the numbers.
 */
export function planCapacity(facts: MemoryFacts, options: CapacityOptions): Capacity {
  const { shape, weightBytes, kvDtype, device } = facts;
  const { maxSlots = defaultSlots[device.kind], kvMemoryBytes, memoryLimitBytes } = options;
  const maxSequenceLength = Math.min(options.maxSequenceLength || shape.positions, shape.positions);
  const kvBytesPerSlot = kvBytesPerToken(shape, kvDtype) * maxSequenceLength;
  const left = Math.max(0, memoryLimitBytes - weightBytes - workingBytes);
  const budget = kvMemoryBytes || Math.floor(kvShare * left);
  const slots = Math.min(maxSlots, Math.floor(budget / kvBytesPerSlot));
  if (slots < 1) {
    const source = kvMemoryBytes > 0 ? "the KV memory setting" : `a memory limit of ${memoryLimitBytes} bytes`;
    throw new ConfigurationError(
      `one sequence of ${maxSequenceLength} tokens needs ${kvBytesPerSlot} bytes of KV cache, ${source} allows ${budget}: ` +
        "raise the memory or lower the maximum sequence length",
    );
  }
  return { slots, maxSequenceLength, kvBytesPerSlot, kvBytes: slots * kvBytesPerSlot };
}
