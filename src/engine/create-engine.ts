import { randomBytes } from "node:crypto";
import { performance } from "node:perf_hooks";
import type { DecoderShape, Model } from "../model/index.js";
import { BatchingEngine } from "./batching-engine.js";
import { planCapacity, type Capacity, type CapacityOptions } from "./capacity.js";
import { SessionRunner } from "./runner/session-runner.js";

export interface EngineOptions extends CapacityOptions {
  readonly maxNewTokens: number;
  /** Sequences waiting, prefilling and running together. */
  readonly maxConcurrentRequests: number;
  /** Prompt tokens that one step may prefill. */
  readonly prefillChunkTokens: number;
  readonly includeStopSequenceByDefault: boolean;
  /** Told of an internal failure that ended sequences; the engine goes on. Must not throw. */
  readonly onFailure: (error: unknown) => void;
}

export interface RunningEngine {
  readonly engine: BatchingEngine;
  readonly capacity: Capacity;
  /** Frees the KV cache. Nothing may be in flight. */
  dispose(): void;
}

/**
 * An engine over a model.
 * @throws {ConfigurationError} when the model's KV cache does not fit the memory.
 */
export function createEngine(model: Model, options: EngineOptions): RunningEngine {
  const { shape } = model;
  const capacity = planCapacity(shape, model.weightBytes, options);
  const { slots, maxSequenceLength } = capacity;
  const prefillChunkTokens = canChunk(shape) ? options.prefillChunkTokens : maxSequenceLength;
  const runner = new SessionRunner(model.session, shape, {
    slots,
    maxLength: maxSequenceLength,
    maxPrefillTokens: prefillChunkTokens + 1, // a padded chunk runs one more (see the runner)
  });
  const engine = new BatchingEngine({
    runner,
    tokenizer: model.tokenizer,
    eosTokenIds: model.eosTokenIds,
    limits: {
      maxSequenceLength,
      maxNewTokens: Math.min(options.maxNewTokens, maxSequenceLength - 1),
      vocabularySize: shape.vocabularySize,
      includeStopSequenceByDefault: options.includeStopSequenceByDefault,
    },
    scheduling: { prefillChunkTokens, maxSequences: options.maxConcurrentRequests, slots },
    now: () => performance.now(),
    drawSeed: () => BigInt(randomBytes(4).readUInt32LE()),
    onFailure: options.onFailure,
  });
  return { engine, capacity, dispose: () => runner[Symbol.dispose]() };
}

/**
 * Whether a prompt gives the same bits in chunks; otherwise it runs in one piece (docs/decisions/0006-bit-identity.md).
 *
 * Above 128, the attention kernel's query x key product adds up a head's dimensions in slices whose size depends on
 * the chunk's length. And its blocks of queries are multiples of 16, which the runner relies on, for sizes up to 64
 * (with an L2 cache of 256 KiB or more) and for 128; those between depend on the processor's cache.
 */
function canChunk({ headDim }: DecoderShape): boolean {
  return headDim <= 64 || headDim === 128;
}
