import { setImmediate } from "node:timers/promises";
import { CancelledError, InternalError, OrtlerError, OverCapacityError, UnavailableError } from "../errors.js";
import type { Engine } from "./engine.js";
import type { EngineParts } from "./engine-parts.js";
import type { Caller, EngineObserver } from "./observer.js";
import type { GenerationEvent, RequestLimits, UncheckedRequest } from "./request.js";
import { PrefillPace } from "./prefill-pace.js";
import { RunWatch } from "./run-watch.js";
import type { RunResult } from "./runner/runner.js";
import { Candidates } from "./sampling/candidates.js";
import { Scheduler, type SchedulerCounts, type StepPlan } from "./scheduler.js";
import { reportOf } from "./sequence-report.js";
import { Sequence, type SequenceContext } from "./sequence.js";
import { mayRunAhead } from "./run-ahead.js";
import { runStep, type RunAhead, type StepHooks } from "./step.js";
import { checkParameters, checkPromptCharacters, completeRequest } from "./validation.js";

/**
 * Continuous batching: sequences come and go between steps, and each step runs all that are there.
 *
 * The loop is plan, run, evaluate, commit. What a step has produced is told to the callers while the next one
 * runs, so text and messages cost no model time where a core is left for them.
 */
export class BatchingEngine implements Engine {
  readonly limits: RequestLimits;
  readonly #scheduler: Scheduler<Sequence>;
  readonly #pace: PrefillPace;
  readonly #context: SequenceContext;
  readonly #inFlight = new Set<Sequence>();
  /** Sequences with something to tell, in the order in which it came about. */
  #untold = new Set<Sequence>();
  #wakeUp: (() => void) | undefined;
  /** The step under way: it may outlive its sequences, and the cache must outlive it. */
  #stepping: Promise<void> = Promise.resolve();
  #isDraining = false;
  #observer: EngineObserver | undefined;
  readonly #onEmpty: (() => void)[] = [];

  constructor(private readonly parts: EngineParts) {
    this.limits = parts.limits;
    const { scheduling, decodeSlowdown } = parts;
    this.#scheduler = new Scheduler(scheduling);
    this.#pace = new PrefillPace({ maxTokens: scheduling.prefillChunkTokens, decodeSlowdown });
    this.#context = {
      eosTokenIds: new Set(parts.eosTokenIds),
      pieceOf: (id) => parts.tokenizer.pieceOf(id),
      bytesOf: (id) => parts.tokenizer.bytesOf(id),
      candidates: new Candidates(parts.limits.vocabularySize),
      isSpeculating: parts.isSpeculating,
      vocabularySize: parts.limits.vocabularySize,
    };
    void this.#loop();
  }

  get counts(): SchedulerCounts {
    return this.#scheduler.counts;
  }

  /** Tokens whose K and V are in the cache. Takes time linear in the sequences. */
  get cachedTokens(): number {
    let sum = 0;
    for (const { cachedTokens } of this.#inFlight) sum += cachedTokens;
    return sum;
  }

  /** Decodes that were captured as CUDA graphs, since the start. */
  get graphCaptures(): number {
    return this.parts.runner.graphs?.captures ?? 0;
  }

  /** Decodes that replayed one. */
  get graphReplays(): number {
    return this.parts.runner.graphs?.replays ?? 0;
  }

  /** Tells `observer` of everything from now on, in place of the one before. */
  observe(observer: EngineObserver): void {
    this.#observer = observer;
  }

  tokenize(text: string): readonly number[] {
    checkPromptCharacters(text, this.limits);
    return this.parts.tokenizer.encode(text);
  }

  checkCapacity(count: number, caller: Caller): void {
    this.#orTell(caller, () => this.#checkCapacity(count));
  }

  async *generate(asked: UncheckedRequest, signal: AbortSignal, caller: Caller = {}): AsyncGenerator<GenerationEvent> {
    const sequence = this.#orTell(caller, () => this.#admit(asked, signal, caller));
    const cancel = (): void => this.#end(sequence, new CancelledError("the caller went away"));
    signal.addEventListener("abort", cancel);
    try {
      const { sampling, promptText, includePromptText } = sequence.request;
      const text = includePromptText ? promptText : "";
      yield { type: "started", promptTokens: sequence.promptTokens, seed: sampling?.seed ?? 0n, text };
      yield* sequence.events;
    } finally {
      signal.removeEventListener("abort", cancel);
      this.#end(sequence); // also when the caller stopped listening
    }
  }

  /**
   * Refuses new requests and lets those in flight finish. When it resolves nothing runs any more, so the runner
   * can be disposed.
   * @param graceMs after this long the rest ends with an UnavailableError.
   */
  async drain(graceMs: number): Promise<void> {
    this.#isDraining = true;
    if (this.#inFlight.size > 0) await this.#emptied(graceMs);
    await this.#stepping;
  }

  async #emptied(graceMs: number): Promise<void> {
    const empty = new Promise<void>((resolve) => this.#onEmpty.push(resolve));
    const timer = setTimeout(() => {
      for (const sequence of this.#inFlight) this.#end(sequence, new UnavailableError("the server is shutting down"));
    }, graceMs);
    await empty;
    clearTimeout(timer);
  }

  /** What is refused is told to the observer too. */
  #orTell<T>(caller: Caller, admit: () => T): T {
    try {
      return admit();
    } catch (error) {
      this.#observerOf(caller)?.refused?.({ caller, error });
      throw error;
    }
  }

  #checkCapacity(count: number): void {
    const { maxSequences } = this.parts.scheduling;
    if (this.#inFlight.size + count > maxSequences) throw new OverCapacityError(maxSequences);
  }

  /** Capacity first, then the parameters, then what needs the prompt's tokens: cheap refusals cost little. */
  #admit(asked: UncheckedRequest, signal: AbortSignal, caller: Caller): Sequence {
    if (this.#isDraining) throw new UnavailableError("the server is shutting down");
    if (signal.aborted) throw new CancelledError("the caller went away");
    this.#checkCapacity(1);
    const { limits, tokenizer, now, drawSeed } = this.parts;
    const arrival = now();
    const parameters = checkParameters(asked, limits, drawSeed);
    const promptTokenIds = asked.promptTokenIds ?? tokenizer.encode(asked.prompt);
    const observer = this.#observerOf(caller);
    observer?.tokenized?.({ promptTokens: promptTokenIds.length });
    const request = completeRequest(parameters, promptTokenIds, tokenizer.beginOfTextId, limits);
    const sequence = new Sequence(request, this.#context, arrival, caller);
    this.#scheduler.add(sequence);
    this.#inFlight.add(sequence);
    sequence.queuedMs = now();
    observer?.admitted?.({
      caller,
      promptTokens: sequence.promptTokens,
      askedMaxNewTokens: parameters.maxNewTokens,
      validationMs: sequence.queuedMs - arrival,
    });
    this.#wakeUp?.();
    return sequence;
  }

  async #loop(): Promise<never> {
    for (;;) {
      const plan = this.#scheduler.planStep(this.#pace.tokensFor(this.#scheduler.counts));
      if (plan === undefined) await this.#sleep();
      else await (this.#stepping = this.#steps(plan));
      if (this.parts.isTellingBetweenSteps) await this.#tellBetweenSteps();
    }
  }

  async #tellBetweenSteps(): Promise<void> {
    if (this.#untold.size === 0) return;
    this.#tell();
    await setImmediate(); // messages are written to their sockets
  }

  /** A step, and those that were launched ahead behind it. */
  async #steps(plan: StepPlan<Sequence>): Promise<void> {
    let [newest, ahead] = [plan, await this.#step(plan)];
    while (ahead !== undefined) {
      const { sequences } = ahead;
      newest = this.#scheduler.planAhead(newest, (sequence) => sequences.has(sequence));
      ahead = await this.#step(newest, ahead);
    }
  }

  async #sleep(): Promise<void> {
    this.#tell();
    await new Promise<void>((resolve) => (this.#wakeUp = resolve));
    this.#wakeUp = undefined;
  }

  async #step(plan: StepPlan<Sequence>, ahead?: RunAhead): Promise<RunAhead | undefined> {
    const watch = this.#observer && new RunWatch(this.#observer, this.parts.now);
    let next: RunAhead | undefined;
    try {
      const hooks: StepHooks = {
        launched: () => this.#tell(),
        describe: (sequence, start, end, result) =>
          this.#guard(sequence, () => sequence.describePrompt(start, end, result)),
        evaluate: (sequence, result, row) => this.#evaluate(sequence, result, row),
        draft: this.parts.isSpeculating ? (sequence) => sequence.draft() : undefined,
        verified: (sequence, drafted, accepted) => {
          sequence.verified(drafted, accepted);
          this.#observerOf(sequence.caller)?.draftVerified?.({ drafted, accepted });
        },
        mayRunAhead: () => this.#mayRunAhead(plan, ahead),
        joinedPromptTokens: this.parts.joinedPromptTokens,
        pace: this.#pace,
        now: this.parts.now,
        watch,
      };
      next = await runStep(plan, this.parts.runner, hooks, ahead);
      this.#scheduler.commit(plan);
      watch?.stepFinished();
    } catch (error) {
      await ahead?.run.catch(() => undefined); // nothing may run beside it
      this.#scheduler.discard();
      watch?.stepFailed();
      this.#fail(plan, error);
    }
    this.#endExpired();
    return next;
  }

  #mayRunAhead(plan: StepPlan<Sequence>, ahead: RunAhead | undefined): boolean {
    const { isRunningAhead, limits } = this.parts;
    const { counts } = this.#scheduler;
    return isRunningAhead && mayRunAhead(plan, { counts, rowLength: limits.maxSequenceLength, ahead });
  }

  #evaluate(sequence: Sequence, result: RunResult, row: number): void {
    this.#guard(sequence, () => {
      const { newestTokenMs, arrivalMs, caller } = sequence;
      const nowMs = this.parts.now();
      sequence.takeToken(result, row, nowMs);
      const waitedMs = nowMs - (newestTokenMs ?? arrivalMs);
      this.#observerOf(caller)?.tokenChosen?.({ isFirst: newestTokenMs === undefined, waitedMs });
      if (sequence.hasStopped) this.#scheduler.remove(sequence);
      this.#untold.add(sequence);
    });
  }

  #tell(): void {
    const untold = this.#untold;
    this.#untold = new Set();
    for (const sequence of untold) {
      this.#guard(sequence, () => {
        sequence.tell();
        if (sequence.hasStopped) this.#end(sequence);
      });
    }
  }

  /** What goes wrong with one sequence's tokens or text ends that sequence alone. */
  #guard(sequence: Sequence, action: () => void): void {
    if (!this.#inFlight.has(sequence)) return; // cancelled while the model ran
    try {
      action();
    } catch (error) {
      this.parts.onFailure(error);
      this.#end(sequence, asOrtlerError(error));
    }
  }

  /** Takes a sequence out, whatever its state. Its slot is free for the next step. */
  #end(sequence: Sequence, error?: OrtlerError): void {
    if (!this.#inFlight.delete(sequence)) return;
    this.#scheduler.remove(sequence);
    sequence.events.close(error);
    this.#tellOfEnd(sequence, error);
    if (this.#inFlight.size === 0) for (const resolve of this.#onEmpty) resolve();
  }

  #tellOfEnd(sequence: Sequence, error: OrtlerError | undefined): void {
    const observer = this.#observerOf(sequence.caller);
    observer?.finished?.({ ...reportOf(sequence, error, this.parts.now()), inFlight: this.#inFlight.size });
  }

  /** Health checks go unseen. */
  #observerOf({ isProbe = false }: Caller): EngineObserver | undefined {
    return isProbe ? undefined : this.#observer;
  }

  /** The step is dropped: its sequences end, the scheduler is as before, the engine goes on. */
  #fail(plan: StepPlan<Sequence>, error: unknown): void {
    this.parts.onFailure(error);
    const failure = asOrtlerError(error);
    const sequences = [...plan.prefills.map(({ sequence }) => sequence), ...plan.decode];
    for (const sequence of sequences) if (sequence !== undefined) this.#end(sequence, failure);
  }

  /** Time limits of sequences that still wait. Those that run find out with their next token. */
  #endExpired(): void {
    if (this.#scheduler.counts.waiting === 0) return;
    const now = this.parts.now();
    for (const sequence of this.#inFlight) {
      if (sequence.slot !== undefined || sequence.hasStopped || !sequence.isExpired(now)) continue;
      sequence.expire();
      this.#end(sequence);
    }
  }
}

function asOrtlerError(error: unknown): OrtlerError {
  return error instanceof OrtlerError ? error : new InternalError("a step failed", { cause: error });
}
