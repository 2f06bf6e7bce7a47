import type { PrefillPace } from "./prefill-pace.js";
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
  /** Tokens that may come next in a sequence; absent when no run may hold several of one. */
  readonly draft?: ((sequence: Sequence) => readonly number[]) | undefined;
  /** Of a draft, the first `accepted` tokens were right. */
  verified(sequence: Sequence, drafted: number, accepted: number): void;
  /** Learns how long runs take. */
  readonly pace: Pick<PrefillPace, "prefilled" | "decoded">;
  /** Milliseconds, monotonic. */
  readonly now: () => number;
  /** Tells of the runs; absent when nobody observes. */
  readonly watch?: RunWatch | undefined;
}

/** With more, one run for all costs less than one for each. */
const maxVerifiedSequences = 2;

/**
 * Runs a plan: copies and moves, then prompt chunks, then one decode. Results are evaluated as they come, since a run
 * overwrites those of the one before. Nothing of the scheduler's changes here.
 */
export async function runStep(plan: StepPlan<Sequence>, runner: Runner, hooks: StepHooks): Promise<void> {
  for (const { from, to, tokens } of [...plan.copies, ...plan.moves]) runner.copy(from, to, tokens);
  const { now, pace } = hooks;
  for (const chunk of plan.prefills) {
    const beganMs = now();
    await prefill(chunk, runner, hooks);
    pace.prefilled(chunk.end - chunk.start, now() - beganMs);
  }
  if (plan.decode.length === 0) return;
  const beganMs = now();
  await decodeOrVerify(plan, runner, hooks);
  pace.decoded(now() - beganMs);
}

async function decodeOrVerify(plan: StepPlan<Sequence>, runner: Runner, hooks: StepHooks): Promise<void> {
  const drafts = draftsFor(plan, hooks);
  for (const draft of drafts) await verify(draft, runner, hooks);
  if (drafts.length === 0) await decode(plan, runner, hooks);
}

async function prefill(chunk: PrefillChunk<Sequence>, runner: Runner, hooks: StepHooks): Promise<void> {
  const { sequence, slot, start, end, isLast } = chunk;
  const { promptTokenIds: tokenIds, details } = sequence.request;
  const wanted = details.promptTokens ? "all" : isLast ? "last" : "none";
  hooks.watch?.launchingPrefill(chunk);
  const run = runner.prefill({ slot, tokenIds, start, end, wanted });
  hooks.launched();
  const result = await run;
  hooks.watch?.computed();
  if (wanted === "all") hooks.describe(sequence, start, end, result);
  if (isLast) hooks.evaluate(sequence, result, wanted === "all" ? end - start - 1 : 0);
  hooks.watch?.evaluated();
}

/** The next tokens of a running sequence, as guessed. */
interface Draft {
  readonly sequence: Sequence;
  readonly slot: number;
  /** Where the newest token's K and V go. */
  readonly position: number;
  /** At least one. */
  readonly tokenIds: readonly number[];
}

/** One for each running sequence, or none at all: the others would have to run by themselves. */
function draftsFor({ decode, decodeStart, decodePositions }: StepPlan<Sequence>, { draft }: StepHooks): Draft[] {
  if (draft === undefined || decode.length > maxVerifiedSequences) return [];
  const drafts = decode.flatMap((sequence, row): Draft[] => {
    const tokenIds = sequence === undefined ? [] : draft(sequence);
    if (sequence === undefined || tokenIds.length === 0) return [];
    return [{ sequence, slot: decodeStart + row, position: decodePositions[row] ?? 0, tokenIds }];
  });
  return drafts.length === decode.length ? drafts : [];
}

/** Runs the newest token and a draft behind it at once: each row's token stands as long as the draft was right so far. */
async function verify({ sequence, slot, position, tokenIds }: Draft, runner: Runner, hooks: StepHooks): Promise<void> {
  const all = [...sequence.tokenIds, ...tokenIds];
  hooks.watch?.launchingDecode([sequence]);
  const run = runner.prefill({ slot, tokenIds: all, start: position, end: all.length, wanted: "all" });
  hooks.launched();
  const result = await run;
  hooks.watch?.computed();
  let accepted = 0;
  hooks.evaluate(sequence, result, accepted);
  while (!sequence.hasStopped && sequence.newestTokenId === tokenIds[accepted]) {
    accepted += 1;
    hooks.evaluate(sequence, result, accepted);
  }
  hooks.verified(sequence, tokenIds.length, accepted);
  hooks.watch?.evaluated();
}

async function decode(plan: StepPlan<Sequence>, runner: Runner, hooks: StepHooks): Promise<void> {
  const rows = plan.decode.map((sequence, row) => ({
    tokenId: sequence?.newestTokenId ?? 0, // a hole runs too: any token, at a position that holds nothing
    position: plan.decodePositions[row] ?? 0,
  }));
  hooks.watch?.launchingDecode(plan.decode);
  const run = runner.decode(plan.decodeStart, rows);
  hooks.launched();
  const result = await run;
  hooks.watch?.computed();
  for (const [row, sequence] of plan.decode.entries()) {
    if (sequence !== undefined) hooks.evaluate(sequence, result, row);
  }
  hooks.watch?.evaluated();
}
