import type { RunWatch } from "./run-watch.js";
import type { Runner, RunResult } from "./runner/runner.js";
import type { PrefillChunk, StepPlan } from "./scheduler.js";
import type { Sequence } from "./sequence.js";

/** What happens around the runs of a step. */
export interface StepHooks {
  /** A run has begun on its worker thread: time for work that the model need not wait for. */
  launched(): void;
  /** The result has the logits of the prompt positions [start, end), one row for each. */
  describe(sequence: Sequence, start: number, end: number, result: RunResult): void;
  /** Row `row` of the result has the logits from which the sequence's next token is chosen. */
  evaluate(sequence: Sequence, result: RunResult, row: number): void;
  /** Times the runs; absent when nobody observes. */
  readonly watch?: RunWatch | undefined;
}

/**
 * Runs a plan: moves, then prompt chunks, then one decode. Results are evaluated as they come, since a run
 * overwrites those of the one before. Nothing of the scheduler's changes here.
 */
export async function runStep(plan: StepPlan<Sequence>, runner: Runner, hooks: StepHooks): Promise<void> {
  for (const { from, to, tokens } of plan.moves) runner.move(from, to, tokens);
  for (const chunk of plan.prefills) await prefill(chunk, runner, hooks);
  if (plan.decode.length > 0) await decode(plan, runner, hooks);
}

async function prefill(chunk: PrefillChunk<Sequence>, runner: Runner, hooks: StepHooks): Promise<void> {
  const { sequence, slot, start, end, isLast } = chunk;
  const { promptTokenIds, details } = sequence.request;
  const wanted = details.promptTokens ? "all" : isLast ? "last" : "none";
  hooks.watch?.launchingPrefill(chunk);
  const run = runner.prefill({ slot, promptTokenIds, start, end, wanted });
  hooks.launched();
  const result = await run;
  hooks.watch?.computed();
  if (wanted === "all") hooks.describe(sequence, start, end, result);
  if (isLast) hooks.evaluate(sequence, result, wanted === "all" ? end - start - 1 : 0);
  hooks.watch?.evaluated();
}

async function decode(plan: StepPlan<Sequence>, runner: Runner, hooks: StepHooks): Promise<void> {
  const rows = plan.decode.map((sequence, row) => ({
    tokenId: sequence?.newestTokenId ?? 0, // a hole runs too: any token, at a position that holds nothing
    position: plan.decodePositions[row] ?? 0,
  }));
  hooks.watch?.launchingDecode(plan.decode);
  const run = runner.decode(rows);
  hooks.launched();
  const result = await run;
  hooks.watch?.computed();
  for (const [row, sequence] of plan.decode.entries()) {
    if (sequence !== undefined) hooks.evaluate(sequence, result, row);
  }
  hooks.watch?.evaluated();
}
