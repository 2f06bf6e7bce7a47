/**
 * What is said to a peer's process and what it answers: one JSON object a line, a question on its standard input, its
 * answer on its standard output. The other side: `workspace/programs/lines.js` and `lines.py`.
 */
import type { Arrivals } from "../engine/arrivals.js";

export interface LoadQuestion {
  readonly op: "load";
  /** Absolute path of a file or folder in the peer's own format. */
  readonly model: string;
  /** In the peer's own words. */
  readonly precision: string;
  readonly threads: number;
  /** The most that will run together. */
  readonly sequences: number;
  /** Tokens of the longest sequence, prompt and completion. */
  readonly contextTokens: number;
  /** For llama.cpp. */
  readonly flashAttention?: boolean;
}

export interface LoadAnswer {
  readonly version: string;
}

/** Greedy decoding of all prompts together, each of exactly `newTokens` tokens whatever they are. */
export interface RunQuestion {
  readonly op: "run";
  /** Token ids. All of the same length: no peer has to pad. */
  readonly prompts: readonly (readonly number[])[];
  readonly newTokens: number;
}

export interface RunAnswer {
  /** Since the question was read. */
  readonly arrivals: Arrivals;
  readonly tokenIds: readonly (readonly number[])[];
}

export interface FailedAnswer {
  readonly failed: string;
}
