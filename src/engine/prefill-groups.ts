import type { PrefillChunk, Schedulable } from "./scheduler.js";

/**
 * Whole prompts that one run computes, the shorter ones padded behind their end, in neighbouring rows and their order; or
 * one chunk.
 */
export type PrefillGroup<S> = readonly [PrefillChunk<S>, ...PrefillChunk<S>[]];

/**
 * Every run reads all weights, which takes as long as computing some 15 (int8) to 30 (float32) tokens: so many that are
 * nobody's may be computed for each run that is saved.
 */
const tokensOfRun = 16;

/**
 * Chunks of a step as the runs that compute them, in their order. Only what begins a row's cache may run beside others:
 * ONNX Runtime's attention takes several tokens of several rows where there is no past.
 * @param mayJoin whether a chunk's run gives no more than its last position.
 * @param maxTokens the most that a run may compute, padding included.
 */
export function groupPrefills<S extends Schedulable>(
  chunks: readonly PrefillChunk<S>[],
  mayJoin: (chunk: PrefillChunk<S>) => boolean,
  maxTokens: number,
): PrefillGroup<S>[] {
  const groups: PrefillGroup<S>[] = [];
  for (const chunk of chunks) {
    const joined = withChunk(groups.at(-1), chunk);
    const isJoined = joined.length > 1 && joined.every((each) => isWhole(each) && mayJoin(each));
    if (isJoined && areNeighbours(joined) && pays(joined, maxTokens)) groups[groups.length - 1] = joined;
    else groups.push([chunk]);
  }
  return groups;
}

/** In the rows' order: a window grows at both ends. */
function withChunk<S>(group: PrefillGroup<S> | undefined, chunk: PrefillChunk<S>): PrefillGroup<S> {
  if (group === undefined) return [chunk];
  const before = group.filter(({ slot }) => slot < chunk.slot);
  const [first = chunk, ...others] = [...before, chunk, ...group.slice(before.length)];
  return [first, ...others];
}

/** Prompt tokens that its run computes, without padding. */
export function tokensOf(group: PrefillGroup<unknown>): number {
  return group.reduce((sum, { start, end }) => sum + end - start, 0);
}

const isWhole = ({ start, isLast }: PrefillChunk<unknown>): boolean => start === 0 && isLast;

function areNeighbours([first, ...others]: PrefillGroup<unknown>): boolean {
  return others.every(({ slot }, index) => slot === first.slot + index + 1);
}

function pays(group: PrefillGroup<unknown>, maxTokens: number): boolean {
  const lengths = group.map(({ end }) => end);
  const computed = group.length * Math.max(...lengths);
  return computed <= maxTokens && computed - tokensOf(group) <= tokensOfRun * (group.length - 1);
}
