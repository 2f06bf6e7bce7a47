import type { EngineObserver, LaunchedRun } from "./observer.js";
import { tokensOf, type PrefillGroup } from "./prefill-groups.js";
import type { Sequence } from "./sequence.js";

/** Times one step and its runs for an observer. Health checks run unseen. */
export class RunWatch {
  readonly #beganMs: number;
  /** The run under way; undefined while there is none, and for a health check's. */
  #run: LaunchedRun | undefined;
  #isProbing = false;
  #launchedMs = 0;
  #computedMs = 0;

  /** @param now milliseconds, on the clock of the sequences' times. */
  constructor(
    private readonly observer: EngineObserver,
    private readonly now: () => number,
  ) {
    this.#beganMs = now();
  }

  /** @param group of one chunk where it is a health check's. */
  launchingPrefill(group: PrefillGroup<Sequence>): void {
    this.#isProbing = group[0].sequence.caller.isProbe === true;
    if (this.#isProbing) return;
    const sequences = group.map(({ sequence }) => sequence);
    this.#launch("prefill", tokensOf(group), sequences);
    for (const sequence of sequences) {
      if (sequence.startedMs !== undefined) continue;
      sequence.startedMs = this.#launchedMs;
      this.observer.started?.({ queueMs: sequence.startedMs - sequence.queuedMs });
    }
  }

  /** @param rows with holes: they are run, but nobody's. */
  launchingDecode(rows: readonly (Sequence | undefined)[]): void {
    const sequences = rows.filter((sequence) => sequence !== undefined);
    this.#launch("decode", sequences.length, sequences);
  }

  /** The result is there. */
  computed(): void {
    this.#computedMs = this.now();
  }

  /** Tokens are chosen: the run is over. */
  evaluated(): void {
    const run = this.#run;
    this.#run = undefined;
    this.#isProbing = false;
    if (run === undefined) return;
    const { method, tokens } = run;
    const computeMs = this.#computedMs - this.#launchedMs;
    this.observer.runFinished?.({ method, tokens, computeMs, evaluateMs: this.now() - this.#computedMs });
  }

  stepFinished(): void {
    this.observer.stepFinished?.({ durationMs: this.now() - this.#beganMs });
  }

  /** What fails outside a run is told as a failed decode, for which moves are made. */
  stepFailed(): void {
    if (!this.#isProbing) this.observer.runFailed?.({ method: this.#run?.method ?? "decode" });
  }

  #launch(method: LaunchedRun["method"], tokens: number, sequences: readonly Sequence[]): void {
    let [contextTokens, remainingTokens] = [0, 0];
    for (const { promptTokens, completionTokens, request } of sequences) {
      contextTokens += promptTokens + completionTokens;
      remainingTokens += request.maxNewTokens - completionTokens;
    }
    this.#run = { method, sequences: sequences.length, tokens, contextTokens, remainingTokens };
    this.observer.runLaunched?.(this.#run);
    this.#launchedMs = this.now();
  }
}
