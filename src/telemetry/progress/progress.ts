/** How far something long is. Phases of a model's way from its store, in their order; some are left out. */
export type ProgressPhase = "listing" | "waiting" | "verifying" | "downloading" | "complete";

export interface Progress {
  /** `waiting`: another process downloads the same model. */
  readonly phase: ProgressPhase;
  /** Of this phase. */
  readonly bytesDone: number;
  /** 0 where the phase has no bytes to count. */
  readonly bytesTotal: number;
  /** Over the last few seconds. */
  readonly bytesPerSecond: number;
  /** Undefined while nobody can know. */
  readonly secondsLeft: number | undefined;
}

export type ProgressListener = (progress: Progress) => void;
