import { randomInt } from "node:crypto";
import { performance } from "node:perf_hooks";
import { availableCpus } from "../config/cpu.js";
import type { Model } from "../model/index.js";
import { BatchingEngine } from "./batching-engine.js";
import { planCapacity, type Capacity, type CapacityOptions } from "./capacity.js";
import { maxDraftTokens } from "./speculation/speculator.js";
import { SessionRunner } from "./runner/session-runner.js";

export interface EngineOptions extends CapacityOptions {
  readonly maxNewTokens: number;
  /** Sequences waiting, prefilling and running together. */
  readonly maxConcurrentRequests: number;
  /** The most prompt tokens that one step may prefill. */
  readonly prefillChunkTokens: number;
  /** How many times longer a step may take for one prompt than its decode takes alone; at least 1. */
  readonly decodeSlowdown: number;
  /** Tokens that finished sequences may leave in the KV cache for later prompts; 0 = none. */
  readonly prefixCacheTokens: number;
  /** Whether to guess a text's next tokens from what it said before, where that cannot change it. */
  readonly promptLookup: boolean;
  /** Whether one run may prefill several short prompts. */
  readonly joinPrompts: boolean;
  /**
   * Whether to launch decodes before the last one's tokens were looked at, where the model selects tokens on its device;
   * by default so.
   */
  readonly runsAhead?: boolean | undefined;
  readonly includeStopSequenceByDefault: boolean;
  /** As in `RequestLimits`. */
  readonly maxPromptCharacters?: number | undefined;
  /** Told of an internal failure that ended sequences; the engine goes on. Must not throw. */
  readonly onFailure: (error: unknown) => void;
  /** As in `RunnerOptions`. */
  readonly onGraphsGivenUp?: ((error: Error) => void) | undefined;
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
  const capacity = planCapacity(model, options);
  const { slots, maxSequenceLength } = capacity;
  const prefillChunkTokens = canChunk(model) ? options.prefillChunkTokens : maxSequenceLength;
  const runner = new SessionRunner(model.session, shape, {
    slots,
    maxLength: maxSequenceLength,
    // Padding runs one more in each row (see the runner), a verified draft has the newest token before it.
    maxPrefillTokens: Math.max(prefillChunkTokens, maxDraftTokens) + slots,
    kvDtype: model.kvDtype,
    selection: model.selection,
    onGraphsGivenUp: options.onGraphsGivenUp,
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
      maxPromptCharacters: options.maxPromptCharacters,
    },
    scheduling: {
      prefillChunkTokens,
      maxSequences: options.maxConcurrentRequests,
      slots,
      prefixCacheTokens: canChunk(model) ? options.prefixCacheTokens : 0,
      reusablePositions: model.isExactInAnyOrder ? "all" : "prefilled",
      paddedRowLength: runner.graphs === undefined ? undefined : maxSequenceLength,
    },
    joinedPromptTokens: canChunk(model) && options.joinPrompts ? prefillChunkTokens : 0,
    decodeSlowdown: canChunk(model) ? options.decodeSlowdown : Infinity,
    isSpeculating: options.promptLookup && model.isExactInAnyOrder,
    isRunningAhead: options.runsAhead ?? true,
    isTellingBetweenSteps: model.device.kind === "cpu" && model.threads >= availableCpus(),
    now: () => performance.now(),
    drawSeed: () => BigInt(randomInt(2 ** 32)),
    onFailure: options.onFailure,
  });
  return { engine, capacity, dispose: () => runner[Symbol.dispose]() };
}

/**
 * Whether a prompt gives the same bits in chunks; otherwise it runs in one piece (docs/decisions/0006-bit-identity.md).
 *
 * With an int8 KV cache it always does. With a float32 one, heads above 128 do not: the attention kernel's query x key
 * product adds up a head's dimensions in slices whose size depends on the chunk's length. And its blocks of queries are
 * multiples of 16, which the runner relies on, for sizes up to 64 (with an L2 cache of 256 KiB or more) and for 128;
 * those between depend on the processor's cache.
 */
function canChunk({ isExactInAnyOrder, shape: { headDim } }: Model): boolean {
  return isExactInAnyOrder || headDim <= 64 || headDim === 128;
}
