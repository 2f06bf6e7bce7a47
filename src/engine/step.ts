import { groupPrefills, tokensOf, type PrefillGroup } from "./prefill-groups.js";
import type { PrefillPace } from "./prefill-pace.js";
import type { RunWatch } from "./run-watch.js";
import type { DecodeRow, Runner, RunResult } from "./runner/runner.js";
import type { PrefillChunk, StepPlan } from "./scheduler.js";
import type { Sequence } from "./sequence.js";

/** What happens around the runs of a step. */
export interface StepHooks {
  /** A run has begun on its worker thread: time for work that the model need not wait for. */
  readonly launched: () => void;
  /** The result has the logits of the prompt positions [start, end), one row for each. */
  describe(sequence: Sequence, start: number, end: number, result: RunResult): void;
  /** Row `row` of the result has the logits from which the sequence's next token is chosen. */
  evaluate(sequence: Sequence, result: RunResult, row: number): void;
  /** Tokens that may come next in a sequence; absent when no run may hold several of one. */
  readonly draft?: ((sequence: Sequence) => readonly number[]) | undefined;
  /** Of a draft, the first `accepted` tokens were right. */
  verified(sequence: Sequence, drafted: number, accepted: number): void;
  /** Whether the decode that has run may be followed by a run ahead. */
  mayRunAhead(): boolean;
  /** The most tokens of a run for several prompts; 0 = each prompt has a run of its own. */
  readonly joinedPromptTokens: number;
  /** Learns how long runs take. */
  readonly pace: Pick<PrefillPace, "prefilled" | "decoded">;
  /** Milliseconds, monotonic. */
  readonly now: () => number;
  /** Tells of the runs; absent when nobody observes. */
  readonly watch?: RunWatch | undefined;
}

/** A decode that was launched before the tokens of the one before it were chosen. */
export interface RunAhead {
  readonly run: Promise<RunResult>;
  /** Sequences of the decode that it follows. */
  readonly launchedBehind: number;
  /** The sequences whose chosen token is the one that it runs. */
  readonly sequences: ReadonlySet<Sequence>;
}

/** With more, one run for all costs less than one for each. */
const maxVerifiedSequences = 2;

/**
 * Runs a plan: copies and moves, then prompt chunks, then one decode. Results are evaluated as they come, since a run
 * overwrites those of the one before. Nothing of the scheduler's changes here.
 * @param ahead the plan's decode, where it was launched already.
 * @returns the decode that was launched behind this plan's, before its tokens were chosen. It must be awaited before
 * anything else runs.
 */
export async function runStep(
  plan: StepPlan<Sequence>,
  runner: Runner,
  hooks: StepHooks,
  ahead?: RunAhead,
): Promise<RunAhead | undefined> {
  for (const { from, to, tokens } of [...plan.copies, ...plan.moves]) runner.copy(from, to, tokens);
  const { now, pace } = hooks;
  for (const group of groupPrefills(plan.prefills, mayJoin, hooks.joinedPromptTokens)) {
    const beganMs = now();
    await (group.length === 1 ? prefill(group[0], runner, hooks) : prefillTogether(group, runner, hooks));
    pace.prefilled(tokensOf(group), now() - beganMs);
  }
  if (plan.decode.length === 0) return undefined;
  const beganMs = now();
  const next =
    ahead === undefined ? await decodeOrVerify(plan, runner, hooks) : await decode(plan, runner, hooks, ahead);
  pace.decoded(now() - beganMs);
  return next;
}

async function decodeOrVerify(
  plan: StepPlan<Sequence>,
  runner: Runner,
  hooks: StepHooks,
): Promise<RunAhead | undefined> {
  const drafts = draftsFor(plan, hooks);
  if (drafts.length === 0) return decode(plan, runner, hooks);
  for (const draft of drafts) await verify(draft, runner, hooks);
  return undefined;
}

/** What a run that was launched gives. It is waited for even where the work beside it fails: nothing may run beside it. */
async function resultOf(run: Promise<RunResult>, { launched, watch }: StepHooks): Promise<RunResult> {
  try {
    launched();
  } catch (error) {
    await run.catch(() => undefined);
    throw error;
  }
  const result = await run;
  watch?.computed();
  return result;
}

async function prefill(chunk: PrefillChunk<Sequence>, runner: Runner, hooks: StepHooks): Promise<void> {
  const { sequence, slot, start, end, isLast } = chunk;
  const { promptTokenIds: tokenIds, details } = sequence.request;
  const wanted = details.promptTokens ? "all" : isLast ? "last" : "none";
  hooks.watch?.launchingPrefill([chunk]);
  const result = await resultOf(runner.prefill({ slot, tokenIds, start, end, wanted }), hooks);
  if (wanted === "all") hooks.describe(sequence, start, end, result);
  if (isLast) hooks.evaluate(sequence, result, wanted === "all" ? end - start - 1 : 0);
  hooks.watch?.evaluated();
}

/** Nobody sees the runs of a health check, and of a prompt that is described all positions are wanted. */
const mayJoin = ({ sequence: { caller, request } }: PrefillChunk<Sequence>): boolean =>
  caller.isProbe !== true && !request.details.promptTokens;

async function prefillTogether(group: PrefillGroup<Sequence>, runner: Runner, hooks: StepHooks): Promise<void> {
  hooks.watch?.launchingPrefill(group);
  const prompts = group.map(({ sequence }) => sequence.request.promptTokenIds);
  const result = await resultOf(runner.prefillTogether(group[0].slot, prompts), hooks);
  for (const [row, { sequence }] of group.entries()) hooks.evaluate(sequence, result, row);
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
  const result = await resultOf(
    runner.prefill({ slot, tokenIds: all, start: position, end: all.length, wanted: "all" }),
    hooks,
  );
  let accepted = 0;
  hooks.evaluate(sequence, result, accepted);
  while (!sequence.hasStopped && sequence.newestTokenId === tokenIds[accepted]) {
    accepted += 1;
    hooks.evaluate(sequence, result, accepted);
  }
  hooks.verified(sequence, tokenIds.length, accepted);
  hooks.watch?.evaluated();
}

async function decode(
  plan: StepPlan<Sequence>,
  runner: Runner,
  hooks: StepHooks,
  ahead?: RunAhead,
): Promise<RunAhead | undefined> {
  hooks.watch?.launchingDecode(plan.decode); // of a run ahead: from here on it is waited for
  const result = await resultOf(ahead?.run ?? runner.decode(plan.decodeStart, rowsOf(plan)), hooks);
  const next = hooks.mayRunAhead() ? runner.decodeNext?.() : undefined;
  next?.catch(() => undefined); // told when it is awaited
  try {
    // Asked before choosing, which may change the logits.
    const highest = next === undefined ? [] : plan.decode.map((_, row) => result.highestToken(row));
    for (const [row, sequence] of plan.decode.entries()) {
      if (sequence !== undefined) hooks.evaluate(sequence, result, row);
    }
    hooks.watch?.evaluated();
    const launchedBehind = plan.decode.filter((sequence) => sequence !== undefined).length;
    return next && { run: next, launchedBehind, sequences: sequencesWith(plan.decode, highest) };
  } catch (error) {
    await next?.catch(() => undefined); // before anything else runs
    throw error;
  }
}

/** The sequences whose newest token is that of their row. */
function sequencesWith(rows: readonly (Sequence | undefined)[], tokenIds: readonly (number | undefined)[]) {
  const those = rows.filter((sequence, row) => sequence?.newestTokenId === tokenIds[row]);
  return new Set(those.filter((sequence) => sequence !== undefined));
}

function rowsOf({ decode, decodePositions }: StepPlan<Sequence>): DecodeRow[] {
  return decode.map((sequence, row) => ({
    tokenId: sequence?.newestTokenId ?? 0, // a hole runs too: any token, at a position that holds nothing
    position: decodePositions[row] ?? 0,
  }));
}
