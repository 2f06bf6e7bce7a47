/** What a step runs: made by the scheduler, run by `step.ts`. */
import type { RowCopy } from "./prefix/placement.js";

/** A running sequence goes to another row, with its [0, cachedTokens). */
export interface SlotMove<S> extends RowCopy {
  readonly sequence: S;
}

/** Prompt tokens [start, end) of one sequence, written to row `slot` at those positions. */
export interface PrefillChunk<S> {
  readonly sequence: S;
  readonly slot: number;
  readonly start: number;
  readonly end: number;
  /** `end` is the prompt's end: the chunk's logits give the first completion token. */
  readonly isLast: boolean;
}

/** One step, to be run in the order of the fields. */
export interface StepPlan<S> {
  /** Prefixes of prompts, into the rows of new sequences; what rows hold, out of the way of moves. */
  readonly copies: readonly RowCopy[];
  readonly moves: readonly SlotMove<S>[];
  readonly prefills: readonly PrefillChunk<S>[];
  /** The first row of the decode; 0 when there is none. */
  readonly decodeStart: number;
  /**
   * Row `decodeStart + i` decodes sequence `decode[i]`; undefined = a hole, run as a dummy: the prefilling sequence's
   * row, one that pads the window, or in a run ahead one whose sequence has ended or chose another token. Without these
   * the first and the last are never holes.
   */
  readonly decode: readonly (S | undefined)[];
  /**
   * Where `decode[i]` writes its K and V: behind what the row holds once the step's copies, moves and chunks are done,
   * which is not yet in `cachedTokens`.
   */
  readonly decodePositions: readonly number[];
}
