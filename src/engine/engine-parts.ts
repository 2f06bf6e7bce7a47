import type { Tokenizer } from "../model/index.js";
import type { RequestLimits } from "./request.js";
import type { Runner } from "./runner/runner.js";
import type { SchedulerLimits } from "./scheduler.js";

/** What an engine is made of, and the rules that it keeps. */
export interface EngineParts {
  readonly runner: Runner;
  readonly tokenizer: Tokenizer;
  readonly eosTokenIds: readonly number[];
  readonly limits: RequestLimits;
  readonly scheduling: SchedulerLimits;
  /** As in `StepHooks`. */
  readonly joinedPromptTokens: number;
  /** As in `PaceLimits`. */
  readonly decodeSlowdown: number;
  /** Whether to guess next tokens: where a run of several gives the same bits as one after the other. */
  readonly isSpeculating: boolean;
  /** Whether to launch decodes before the last one's tokens were looked at, where the runner can. */
  readonly isRunningAhead: boolean;
  /**
   * Whether callers are told of a step's tokens before the next is launched, and not while it runs: where the model's
   * threads take every core, whatever runs beside them holds one up, and the others wait for it.
   */
  readonly isTellingBetweenSteps: boolean;
  /** Milliseconds, monotonic. */
  readonly now: () => number;
  /** A seed for a sampling request that brought none: 32 bits, so that it stays exact in any JSON reader. */
  readonly drawSeed: () => bigint;
  /** Told of an internal failure that ended sequences; the engine goes on. Must not throw. */
  readonly onFailure: (error: unknown) => void;
}
