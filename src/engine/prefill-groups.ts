import type { PrefillChunk, Schedulable } from "./scheduler.js";

/** Whole prompts in neighbouring rows that one run computes, the shorter ones padded behind their end; or one chunk. */
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
  const groups: [PrefillChunk<S>, ...PrefillChunk<S>[]][] = [];
  for (const chunk of chunks) {
    const group = groups.at(-1);
    const joined = group && ([...group, chunk] as const);
    if (joined?.every((each) => isWhole(each) && mayJoin(each)) && areNeighbours(joined) && pays(joined, maxTokens)) {
      group?.push(chunk);
    } else {
      groups.push([chunk]);
    }
  }
  return groups;
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
