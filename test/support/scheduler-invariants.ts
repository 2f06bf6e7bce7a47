/**
 * What must hold of the scheduler's state between steps, and of each plan it makes. Every check takes
 * snapshots and returns the rules that are broken, in words: tests and debug runs use the same ones.
 * Nothing here is shared with the scheduler but its types: a rule that is computed twice by the same
 * function is not checked.
 */
import type {
  PrefillChunk,
  Schedulable,
  SchedulerLimits,
  SchedulerSnapshot,
  SequenceSnapshot,
  StepPlan,
} from "../../src/engine/scheduler.js";

/** Rules of the state between steps that `snapshot` breaks. */
export function brokenStateRules(snapshot: SchedulerSnapshot<Schedulable>, limits: SchedulerLimits): string[] {
  const { counts, waiting, prefilling, owners } = snapshot;
  const owned = owners.filter((owner) => owner !== undefined);
  const running = owned.filter(({ sequence }) => sequence !== prefilling?.sequence);
  const inFlight = [...waiting, ...owned].map(({ sequence }) => sequence);
  return failing([
    [owners.length === limits.slots, `there are ${owners.length} slots of ${limits.slots}`],
    [counts.freeSlots + owned.length === limits.slots, "free and owned slots are not all slots"],
    [counts.waiting === waiting.length, "the waiting are miscounted"],
    [counts.prefilling === (prefilling === undefined ? 0 : 1), "the prefilling are miscounted"],
    [counts.running === running.length, "the running are miscounted"],
    [inFlight.length <= limits.maxSequences, "more sequences are in flight than maxSequences"],
    [new Set(inFlight).size === inFlight.length, "a sequence is in two places"],
    [owners.every((owner, slot) => owner === undefined || owner.slot === slot), "an owner names another slot"],
    [waiting.every(({ slot }) => slot === undefined), "a waiting sequence names a slot"],
    [waiting.every((sequence) => !isPromptCached(sequence)), "a waiting sequence has nothing to prefill"],
    [running.every(isPromptCached), "a running sequence's prompt is not cached"],
    [prefilling === undefined || !isPromptCached(prefilling), "the prefilling sequence has nothing to prefill"],
    [prefilling === undefined || owned.length === running.length + 1, "the prefilling sequence owns no slot"],
  ]);
}

/** Rules that `plan` breaks, when made in the state `before`. */
export function brokenPlanRules<S extends Schedulable>(
  before: SchedulerSnapshot<S>,
  plan: StepPlan<S>,
  limits: SchedulerLimits,
): string[] {
  return [
    ...brokenCopyRules(before, plan),
    ...brokenMoveRules(before, plan),
    ...brokenPrefillRules(before, plan, limits),
    ...plan.prefills.flatMap((chunk, i) => brokenChunkRules(chunk, i === plan.prefills.length - 1)),
    ...brokenDecodeRules(before, plan, limits),
  ];
}

/** Copies fill rows that are nobody's, each once, before anything else writes them. */
function brokenCopyRules<S extends Schedulable>(before: SchedulerSnapshot<S>, plan: StepPlan<S>): string[] {
  const targets = plan.copies.map(({ to }) => to);
  const moveTargets = new Set(plan.moves.map(({ to }) => to));
  return plan.copies.flatMap(({ from, to, tokens }) =>
    failing([
      [from !== to && tokens > 0, `the copy from ${from} to ${to} copies nothing`],
      [before.owners[to] === undefined, `the copy to ${to} overwrites an owned slot`],
      [!moveTargets.has(to), `slot ${to} is copied and moved to`],
      [targets.filter((target) => target === to).length === 1, `slot ${to} is copied to twice`],
    ]),
  );
}

function brokenMoveRules<S extends Schedulable>(before: SchedulerSnapshot<S>, plan: StepPlan<S>): string[] {
  const targets = [...plan.moves.map(({ to }) => to), ...plan.prefills.map(({ slot }) => slot)];
  const isTargetOfOne = (slot: number): boolean => targets.filter((target) => target === slot).length === 1;
  return plan.moves.flatMap(({ sequence, from, to, tokens }) => {
    const owner = before.owners[from];
    return failing([
      [owner?.sequence === sequence, `the move from ${from} is not of that slot's owner`],
      [sequence !== before.prefilling?.sequence, `the move from ${from} is of the prefilling sequence`],
      [owner?.cachedTokens === tokens, `the move from ${from} copies ${tokens} tokens, not [0, cachedTokens)`],
      [before.owners[to] === undefined, `the move to ${to} overwrites an owned slot`],
      [isTargetOfOne(to), `slot ${to} is given away twice`],
    ]);
  });
}

/** First come, first served; beside those that own a slot; within the budget, and no less than that. */
function brokenPrefillRules<S extends Schedulable>(
  before: SchedulerSnapshot<S>,
  { prefills }: StepPlan<S>,
  { prefillChunkTokens, slots, prefixCacheTokens }: SchedulerLimits,
): string[] {
  const queue = before.prefilling === undefined ? before.waiting : [before.prefilling, ...before.waiting];
  const given = prefills.flatMap(({ sequence, slot }) => (sequence.slot === undefined ? [slot] : []));
  const owned = [...before.owners.keys()].filter((slot) => before.owners[slot] !== undefined);
  const isBeside = (slot: number, i: number): boolean => isInOrBeside(slot, [...owned, ...given.slice(0, i)]);
  const last = prefills.at(-1);
  const left = prefillChunkTokens - prefills.reduce((sum, { start, end }) => sum + end - start, 0);
  const isAnyLeft = owned.length + given.length < slots && prefills.length < queue.length;
  const canGoOn = last?.isLast === false || isAnyLeft;
  const startsRight = ({ sequence, start }: PrefillChunk<S>): boolean =>
    start === sequence.cachedTokens || (prefixCacheTokens > 0 && sequence.slot === undefined);
  return failing([
    [prefills.every(({ sequence }, i) => sequence === queue[i]?.sequence), "a prompt is overtaken"],
    [prefills.every(({ sequence, slot }) => slot === (sequence.slot ?? slot)), "a chunk is not in its sequence's slot"],
    [given.every((slot) => before.owners[slot] === undefined), "a new sequence is given an owned slot"],
    [new Set(given).size === given.length, "a slot is given to two new sequences"],
    [given.every(isBeside), "a new sequence is given a slot far from the others"],
    [prefills.every(startsRight), "a chunk does not start at cachedTokens"],
    [left >= 0, `the prefill budget is exceeded by ${-left} tokens`],
    [left <= 0 || !canGoOn, `${left} tokens of prefill budget are left while a prompt could use them`],
  ]);
}

function brokenChunkRules(chunk: PrefillChunk<Schedulable>, isLastOfStep: boolean): string[] {
  const { sequence, slot, start, end, isLast } = chunk;
  const { promptTokens } = sequence;
  const name = `the chunk [${start}, ${end}) of ${promptTokens} tokens in slot ${slot}`;
  return failing([
    [start >= 0 && start < end && end <= promptTokens, `${name} is no part of its prompt`],
    [isLast === (end === promptTokens), `${name} is wrong about being the last`],
    [end === promptTokens || isLastOfStep, `${name} is partial, but not the last of the step`],
  ]);
}

/**
 * Every running sequence, each in its row after the moves, no hole that could have been filled. What the rows hold that
 * pad the window is not known here: the simulation's cache shows whether they write behind it.
 */
function brokenDecodeRules<S extends Schedulable>(
  before: SchedulerSnapshot<S>,
  plan: StepPlan<S>,
  { slots, paddedRowLength }: SchedulerLimits,
): string[] {
  const { moves, prefills, decodeStart, decode, decodePositions } = plan;
  const rows = before.owners.map((owner) => (owner?.sequence === before.prefilling?.sequence ? undefined : owner));
  for (const { from, to } of moves) [rows[to], rows[from]] = [rows[from], undefined];
  const chunkEnds = new Map(prefills.map(({ slot, end }) => [slot, end]));
  const isPadded = paddedRowLength !== undefined;
  const running = [...decode.keys()].filter((i) => decode[i] !== undefined);
  const isPadding = (i: number): boolean => isPadded && (i < (running[0] ?? 0) || i > (running.at(-1) ?? 0));
  const isPositionRight = (position: number, i: number): boolean =>
    isPadding(i)
      ? position < (paddedRowLength ?? 0)
      : position === (rows[decodeStart + i]?.cachedTokens ?? chunkEnds.get(decodeStart + i) ?? 0);
  return failing([
    [
      rows.every((row, i) => row?.sequence === decode[i - decodeStart]),
      "decode is not over the running sequences in their slots",
    ],
    [isPadded || decode.length === 0 || decode.at(-1) !== undefined, "the last decode row is a hole"],
    [isPadded || decode.length === 0 || decode[0] !== undefined, "the first decode row is a hole"],
    [!isPadded || [0, 8, 16, slots].includes(decode.length), `a padded window has ${decode.length} rows`],
    [decodeStart + decode.length <= slots, "decode covers rows that are not there"],
    [
      decode.every((row, i) => row !== undefined || isPadding(i) || chunkEnds.has(decodeStart + i)),
      "a free row among the running is left a hole",
    ],
    [decodePositions.length === decode.length, "there is not one position for each decode row"],
    [decodePositions.every(isPositionRight), "a decode row writes elsewhere than behind its tokens"],
  ]);
}

/** Where nothing is owned, everywhere is. */
function isInOrBeside(slot: number, owned: readonly number[]): boolean {
  return owned.length === 0 || (slot >= Math.min(...owned) - 1 && slot <= Math.max(...owned) + 1);
}

function isPromptCached({ promptTokens, cachedTokens }: SequenceSnapshot<Schedulable>): boolean {
  return cachedTokens >= promptTokens;
}

function failing(rules: readonly (readonly [holds: boolean, otherwise: string])[]): string[] {
  return rules.filter(([holds]) => !holds).map(([, otherwise]) => otherwise);
}
