import type { Arrivals } from "../engine/arrivals.js";
import type { Prompt } from "../engine/prompts.js";

/** What is compared with what: numbers as in the checkpoint, or fewer bits. */
export type PrecisionClass = "float32" | "reduced";

/** One library with one precision and its settings. */
export interface Contestant {
  /** Such as `llama.cpp`. */
  readonly peer: string;
  readonly precision: string;
  readonly precisionClass: PrecisionClass;
  /** What distinguishes this way of using it. */
  readonly settings: string;
  /** Whatever has to be done once, before the first start. @throws {PeerError} */
  prepare(): Promise<void>;
  /** @throws {PeerError} when it does not start. */
  start(): Promise<RunningContestant>;
}

/** Its process, with the model loaded. */
export interface RunningContestant extends AsyncDisposable {
  readonly version: string;
  /** From before its process was spawned until it could be asked for tokens. */
  readonly readyMs: number;
  /** @throws {PeerError} when a sequence does not get its tokens. */
  run(prompts: readonly Prompt[], newTokens: number): Promise<ContestantRun>;
  /** Undefined where the system has no /proc. */
  residentBytes(): number | undefined;
}

export interface ContestantRun {
  readonly arrivals: Arrivals;
  /** Undefined where only texts are told. */
  readonly tokenIds?: readonly (readonly number[])[];
}

/** No two have the same. */
export function nameOf({ peer, precision }: Pick<Contestant, "peer" | "precision">): string {
  return `${peer}, ${precision}`;
}
