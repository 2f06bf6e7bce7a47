import type { RunResult } from "../../src/engine/runner/runner.js";
import type { BlockedLogits } from "../../src/engine/sampling/logit-blocks.js";
import { logitBlockLength } from "../../src/model/index.js";

/** A row of logits with the maxima that the graph computes. */
export function blocked(row: Float32Array): BlockedLogits {
  const lowest = -(2 - 2 ** -23) * 2 ** 127;
  const blocks = Array.from({ length: Math.ceil(row.length / logitBlockLength) }, (_, block) =>
    row.subarray(block * logitBlockLength, (block + 1) * logitBlockLength),
  );
  const maxima = blocks.map((block) => Math.max(lowest, ...block.filter((logit) => !Number.isNaN(logit))));
  return { row, maxima: Float32Array.from(maxima) };
}

/** What a run would give whose rows have these logits. */
export function resultWith(logits: (row: number) => Float32Array): RunResult {
  const highestToken = (row: number): number | undefined => {
    const highest = Math.max(...logits(row));
    return Number.isFinite(highest) ? logits(row).indexOf(highest) : undefined;
  };
  return { logits, blockMaxima: (row) => blocked(logits(row)).maxima, highestToken, topLogits: () => undefined };
}
