import { SessionRunner, type RunnerOptions } from "../../src/engine/runner/session-runner.js";
import { architectureOf, openCheckpoint, type DecoderShape } from "../../src/model/index.js";
import { float32Products } from "../../src/model/graph/products.js";
import { Session } from "../../src/ort/index.js";

export interface TestRunner extends Disposable {
  readonly runner: SessionRunner;
  readonly session: Session;
  readonly shape: DecoderShape;
}

/**
 * A runner over a checkpoint, which needs no tokenizer. Three slots of all the model's positions by default.
 * @param place puts another session in place of the one made, which stays its owner.
 */
export async function openRunner(
  folder: string,
  options: Partial<RunnerOptions> = {},
  place: (session: Session) => Session = (session) => session,
): Promise<TestRunner> {
  const checkpoint = await openCheckpoint(folder);
  const blueprint = architectureOf(checkpoint).read(checkpoint);
  const { shape } = blueprint;
  const threads = Math.min(2, shape.kvHeads);
  const { selection } = options;
  const graph = blueprint.buildGraph({ products: float32Products, selection });
  const owner = await Session.create(graph, { externalDataFolder: folder, threads, isSpinning: false });
  const session = place(owner);
  const { positions } = shape;
  const runner = new SessionRunner(session, shape, {
    slots: 3,
    maxLength: positions,
    maxPrefillTokens: positions,
    ...options,
  });
  const dispose = (): void => {
    runner[Symbol.dispose]();
    owner.dispose();
  };
  return { runner, session, shape, [Symbol.dispose]: dispose };
}

/** The logits after the last of the tokens, copied: prefilled into a slot in one piece. */
export async function prefill(runner: SessionRunner, slot: number, tokenIds: readonly number[]): Promise<Float32Array> {
  const run = { slot, tokenIds, start: 0, end: tokenIds.length, wanted: "last" } as const;
  return (await runner.prefill(run)).logits(0).slice();
}

/** Each row's logits after one more token, copied. */
export async function decode(
  runner: SessionRunner,
  rows: readonly { readonly tokenId: number; readonly position: number }[],
): Promise<Float32Array[]> {
  const result = await runner.decode(0, rows);
  return rows.map((_, row) => result.logits(row).slice());
}

/** The largest difference between two rows of logits; NaN when one of them has a NaN. */
export function distance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) throw new Error(`${a.length} logits against ${b.length}`);
  return Math.max(...Array.from(a, (value, index) => Math.abs(value - (b[index] ?? NaN))));
}

/** Bits, not numbers: NaN equals NaN, 0 does not equal -0. */
export function areSameBits(a: Float32Array, b: Float32Array): boolean {
  const bytes = (row: Float32Array): Buffer => Buffer.from(row.buffer, row.byteOffset, row.byteLength);
  return bytes(a).equals(bytes(b));
}
