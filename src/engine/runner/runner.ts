/** The seam between the engine and a model: a test can put a scripted runner in its place. */
import type { TopLogits } from "../sampling/top-logits.js";

/** Tokens [start, end) of one sequence, to be written to those positions of `slot`: of its prompt, or a draft. */
export interface PrefillRun {
  readonly slot: number;
  /** From the sequence's beginning. */
  readonly tokenIds: readonly number[];
  readonly start: number;
  readonly end: number;
  /** Of which positions the logits are wanted: of none when more of the prompt follows. */
  readonly wanted: "none" | "last" | "all";
}

/** The newest token of a running sequence, to be written to `position` of its slot. */
export interface DecodeRow {
  readonly tokenId: number;
  readonly position: number;
}

/**
 * What a run computed, for each wanted position or decode row. Valid until the next run; what a call gives, until one for
 * another row. Where the model computes on a device, the logits are there: the other questions bring far less here.
 */
export interface RunResult {
  /** Logits [vocabulary]. The caller may change them. */
  logits(row: number): Float32Array;
  /** The highest of each block of the logits as they were computed (`logitBlockLength`); NaN is passed over. May be empty. */
  blockMaxima(row: number): Float32Array;
  /**
   * The lowest id with the highest logit; undefined where the model selects none, or no token can be chosen from the row:
   * `logits` shows why.
   */
  highestToken(row: number): number | undefined;
  /** As many as the model selects on its device; undefined where it does not, or the row is broken. */
  topLogits(row: number): TopLogits | undefined;
}

/** Of decodes that were captured as graphs, since the start. */
export interface GraphCounts {
  readonly captures: number;
  readonly replays: number;
}

/** One run at a time; a run that rejects leaves the cached positions before it as they were. */
export interface Runner {
  /** Absent where nothing is captured. */
  readonly graphs?: GraphCounts | undefined;
  prefill(run: PrefillRun): Promise<RunResult>;
  /**
   * Whole prompts, each into a row of its own from `slot` on, in one run: row i of the result has the logits behind prompt
   * i. As long as the longest, in each row: what it writes behind a shorter prompt is nobody's.
   */
  prefillTogether(slot: number, prompts: readonly (readonly number[])[]): Promise<RunResult>;
  /** One token for each row; row i is slot `start + i`. */
  decode(start: number, rows: readonly DecodeRow[]): Promise<RunResult>;
  /**
   * Begins the decode that follows the last one before anybody has looked at that: the same rows, each with the token
   * with the highest logit, one position further. The result of the last one stays valid until the run after this.
   * Undefined when nothing can be run ahead now; absent where it never can.
   */
  decodeNext?(): Promise<RunResult> | undefined;
  /** Copies the first `tokens` cached positions of a slot into another. */
  copy(from: number, to: number, tokens: number): void;
}
