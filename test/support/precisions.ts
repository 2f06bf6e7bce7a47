/** Runners over checkpoints without a tokenizer, in any precision. */
import { SessionRunner, type RunnerOptions } from "../../src/engine/runner/session-runner.js";
import { architectureOf, openCheckpoint, type DecoderShape } from "../../src/model/index.js";
import { createModelSession } from "../../src/model/precision/create-session.js";
import type { Precision } from "../../src/model/precision/dtypes.js";
import { Random } from "./random.js";

export interface PreciseRunner extends Disposable {
  readonly runner: SessionRunner;
  readonly shape: DecoderShape;
}

/** Every pair that can be chosen, but float32 in both. */
export const smallPrecisions: readonly Precision[] = [
  { dtype: "int8", kvDtype: "int8" },
  { dtype: "int8-block", kvDtype: "int8" },
  { dtype: "int4", kvDtype: "int8" },
  { dtype: "float32", kvDtype: "int8" },
];

/** Tokens to calibrate on, for a vocabulary of 64 or more. */
const encode = (): number[] => {
  const random = new Random(7);
  return Array.from({ length: 100 }, () => random.integer(0, 64));
};

export async function openPreciseRunner(
  folder: string,
  precision: Precision,
  options: Partial<RunnerOptions> & { readonly threads?: number; readonly weightsCache?: string } = {},
): Promise<PreciseRunner> {
  const { threads = 2, weightsCache, ...runnerOptions } = options;
  const checkpoint = await openCheckpoint(folder);
  const blueprint = architectureOf(checkpoint).read(checkpoint);
  const source = {
    folder: checkpoint.folder,
    blueprint,
    weightsCache,
    loadTokenizer: () => Promise.resolve({ encode }),
  };
  const { session } = await createModelSession(source, precision, { threads, isSpinning: false });
  const { shape } = blueprint;
  const sizes = { slots: 3, maxLength: shape.positions, maxPrefillTokens: shape.positions };
  const runner = new SessionRunner(session, shape, { ...sizes, kvDtype: precision.kvDtype, ...runnerOptions });
  const dispose = (): void => {
    runner[Symbol.dispose]();
    session.dispose();
  };
  return { runner, shape, [Symbol.dispose]: dispose };
}
