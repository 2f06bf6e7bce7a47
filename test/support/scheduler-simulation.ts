/**
 * The scheduler under a random load of arrivals, cancellations in every state, failed steps and finishes,
 * against a fake KV cache that does what a real one would do, and against the rules of `scheduler-invariants.ts`.
 * The same seed gives the same run.
 */
import { isDeepStrictEqual } from "node:util";

import { OverCapacityError } from "../../src/errors.js";
import { brokenPlanRules, brokenStateRules } from "./scheduler-invariants.js";
import { Scheduler, type Schedulable, type SchedulerLimits, type StepPlan } from "../../src/engine/scheduler.js";
import { Random } from "./random.js";

export interface FakeSequence extends Schedulable {
  readonly tokenIds: number[];
  /** Decodes to go until it finishes. */
  decodesLeft: number;
  /** The number of committed steps after which it may no longer be in flight. */
  deadline: number;
}

export type Plan = StepPlan<FakeSequence>;

/** What made a key and value: it depends on all tokens up to its own, and on who wrote it. */
type Cell = `${"prefill" | "decode"} ${string}` | "dummy";

/** What each position of each row holds. */
class FakeKvCache {
  readonly #rows: Cell[][];

  constructor(
    slots: number,
    private readonly reusable: SchedulerLimits["reusablePositions"],
  ) {
    this.#rows = Array.from({ length: slots }, () => []);
  }

  /** Runs a plan one operation at a time, as far as it is iterated; yields what an attention would misread. */
  *run({ copies, moves, prefills, decodeStart, decode, decodePositions }: Plan): Generator<string[]> {
    for (const { from, to, tokens } of [...copies, ...moves]) {
      this.#row(to).splice(0, tokens, ...this.#row(from).slice(0, tokens));
      yield [];
    }
    for (const { sequence, slot, start, end } of prefills) {
      const misread = this.misread(sequence, slot, start);
      for (let i = start; i < end; i++) this.#row(slot)[i] = `prefill ${textBefore(sequence, i + 1)}`;
      if (isPadded(start, end)) this.#row(slot)[end] = "dummy";
      yield misread;
    }
    yield decode.flatMap((sequence, i) => this.#decode(sequence, decodeStart + i, decodePositions[i] ?? 0));
  }

  /** What is wrong with [0, tokens) of the sequence in `slot`; empty when all is there. */
  misread(sequence: FakeSequence, slot: number, tokens: number): string[] {
    const wrong = Array.from({ length: tokens }, (_, i) => i).find((i) => !this.#isRight(sequence, slot, i));
    if (wrong === undefined) return [];
    return [`slot ${slot} does not hold [0, ${tokens}) of ${sequence.tokenIds.join(" ")}: see ${wrong}`];
  }

  #isRight(sequence: FakeSequence, slot: number, position: number): boolean {
    const text = textBefore(sequence, position + 1);
    const writer = position < sequence.promptTokens ? "prefill" : "decode";
    const [cell, other] = [this.#row(slot)[position], writer === "prefill" ? "decode" : "prefill"];
    return cell === `${writer} ${text}` || (this.reusable === "all" && cell === `${other} ${text}`);
  }

  #decode(sequence: FakeSequence | undefined, slot: number, position: number): string[] {
    const misread = sequence === undefined ? [] : this.misread(sequence, slot, position);
    this.#row(slot)[position] = sequence === undefined ? "dummy" : `decode ${textBefore(sequence, position + 1)}`;
    return misread;
  }

  #row(slot: number): Cell[] {
    const row = this.#rows[slot];
    if (row === undefined) throw new RangeError(`the cache has no slot ${slot}`);
    return row;
  }
}

const isRunning = (sequence: FakeSequence | undefined): boolean => sequence !== undefined;

/** The first `length` tokens. */
function textBefore({ tokenIds }: FakeSequence, length: number): string {
  return tokenIds.slice(0, length).join(" ");
}

/** Whether the runner lets one dummy token follow the chunk [start, end): see `paddedLength` there. */
function isPadded(start: number, end: number): boolean {
  return (end - start) % 16 === 1;
}

/** More than any sequence comes to: see `#prompt` and `#arrive`. */
const rowLength = 128;

/** A scheduler to test: the real one, or one with a fault. */
export interface Variant {
  readonly create?: (limits: SchedulerLimits) => Scheduler<FakeSequence>;
  /** Changes what is run and checked, but not what is committed. */
  readonly corrupt?: (plan: Plan) => Plan;
}

function stateOf({ slot, promptTokens, cachedTokens }: FakeSequence): string {
  if (slot === undefined) return "waiting";
  return cachedTokens < promptTokens ? "prefilling" : "running";
}

/** One run: `faults` stays empty when every rule holds in every step. */
export class Simulation {
  readonly faults: string[] = [];
  readonly #random: Random;
  /** How likely another sequence arrives; less than leaves every slot busy. */
  readonly #load: number;
  readonly #limits: SchedulerLimits;
  readonly #scheduler: Scheduler<FakeSequence>;
  readonly #cache: FakeKvCache;
  /** Every sequence in flight, in the order of arrival. */
  readonly #inFlight = new Set<FakeSequence>();
  /** Those that left in this turn, and their `cachedTokens` when they did. */
  readonly #removed = new Map<FakeSequence, number>();
  /** What was said before: prompts that come may begin like it. */
  readonly #texts: (readonly number[])[] = [];
  #committedSteps = 0;

  constructor(
    readonly seed: number,
    private readonly variant: Variant,
    /** How often each of the situations was met that the simulation is there for. */
    private readonly situations = new Map<string, number>(),
  ) {
    this.#random = new Random(seed);
    this.#load = this.#random.pick([0.3, 0.15, 0.05]) ?? 0;
    const paddedRowLength = this.#random.pick([undefined, rowLength]);
    const slots = this.#random.integer(1, 9) * (paddedRowLength === undefined ? 1 : 3); // windows of different lengths
    const prefillChunkTokens = this.#random.integer(1, 21);
    this.#limits = {
      slots,
      prefillChunkTokens,
      maxSequences: slots + this.#random.integer(0, 12),
      prefixCacheTokens: this.#random.pick([0, 60, 1000]) ?? 0,
      reusablePositions: this.#random.pick(["prefilled", "all"]) ?? "all",
      paddedRowLength,
    };
    this.#scheduler = variant.create?.(this.#limits) ?? new Scheduler(this.#limits);
    this.#cache = new FakeKvCache(slots, this.#limits.reusablePositions);
  }

  /** Random load for `steps` steps, then no more of it until all is finished. Stops at the first faults. */
  run(steps: number): this {
    for (let i = 0; i < steps && this.faults.length === 0; i++) this.#turn(true);
    const bound = this.#totalWorkLeft();
    for (let i = 0; i < bound && this.faults.length === 0; i++) this.#turn(false);
    if (this.faults.length === 0 && this.#inFlight.size > 0) this.faults.push("not everything finishes");
    return this;
  }

  /** The faults, and what it takes to see them again. */
  describe(): string {
    return `seed ${this.seed}, ${JSON.stringify(this.#limits)}: ${this.faults.join("; ") || "no faults"}`;
  }

  #turn(isLoaded: boolean): void {
    try {
      if (isLoaded) this.#arriveAndCancel("before the step");
      const plan = this.#plan();
      if (plan === undefined) return;
      if (isLoaded && this.#random.chance(0.1)) this.#failStep(plan.corrupted);
      else this.#commitStep(plan.original, plan.corrupted, isLoaded);
      this.#checkState();
    } catch (error) {
      this.faults.push(`threw ${String(error)}`);
    }
  }

  #plan(): { original: Plan; corrupted: Plan } | undefined {
    const before = this.#scheduler.snapshot();
    const prefillTokens = this.#random.integer(1, this.#limits.prefillChunkTokens + 1);
    const original = this.#scheduler.planStep(prefillTokens);
    this.#check(isDeepStrictEqual(this.#scheduler.snapshot(), before), "planning changed the state");
    this.#check(
      (original === undefined) === (this.#inFlight.size === 0),
      "a step is planned exactly when there is work",
    );
    if (original === undefined) return undefined;
    const corrupted = this.variant.corrupt?.(original) ?? original;
    this.faults.push(...brokenPlanRules(before, corrupted, { ...this.#limits, prefillChunkTokens: prefillTokens }));
    const arrived = [...this.#inFlight].filter(({ promptTokens, cachedTokens }) => cachedTokens < promptTokens);
    const isInOrder = corrupted.prefills.every(({ sequence }, i) => sequence === arrived[i]);
    this.#check(isInOrder, "prompts are not prefilled in the order of arrival");
    this.#countSituations(corrupted);
    return { original, corrupted };
  }

  /** The model fails somewhere in the step: the plan is dropped, some of its sequences are removed. */
  #failStep(plan: Plan): void {
    this.#count("failed step");
    const operations = this.#random.integer(0, plan.copies.length + plan.moves.length + plan.prefills.length + 2);
    const run = this.#cache.run(plan);
    for (let i = 0; i < operations; i++) run.next();
    this.#scheduler.discard();
    const failed = new Set([...plan.prefills.map(({ sequence }) => sequence), ...plan.decode]);
    for (const sequence of failed) {
      if (sequence !== undefined && this.#random.chance(0.3)) this.#remove(sequence);
    }
  }

  #commitStep(original: Plan, corrupted: Plan, isLoaded: boolean): void {
    for (const misread of this.#cache.run(corrupted)) this.faults.push(...misread);
    if (isLoaded) this.#arriveAndCancel("while the model ran");
    const expected = new Map([...this.#inFlight].map((sequence) => [sequence, sequence.cachedTokens]));
    for (const { sequence, end, isLast } of corrupted.prefills) {
      expected.set(sequence, end);
      if (isLast) sequence.tokenIds.push(this.#random.integer(0, 3));
    }
    for (const sequence of corrupted.decode) {
      if (sequence === undefined) continue;
      expected.set(sequence, sequence.cachedTokens + 1);
      sequence.tokenIds.push(this.#random.integer(0, 3));
      sequence.decodesLeft -= 1;
    }
    if (this.#random.chance(0.5)) this.#finish(); // an engine may do so before the commit or after it
    this.#scheduler.commit(original);
    this.#committedSteps += 1;
    for (const sequence of this.#inFlight) {
      this.#check(sequence.cachedTokens === expected.get(sequence), "commit counts other tokens than the step ran");
    }
    this.#finish();
    if (original.prefills.length === 0 && this.#random.chance(0.3)) this.#runAhead(original, isLoaded);
  }

  /** The decode of a committed step once more, which was launched before its tokens were known: some were others. */
  #runAhead(plan: Plan, isLoaded: boolean): void {
    const denied = new Set(plan.decode.filter(() => this.#random.chance(0.1)));
    const ahead = this.#scheduler.planAhead(plan, (sequence) => !denied.has(sequence));
    const decoding = ahead.decode.filter((sequence) => sequence !== undefined);
    if (decoding.length > 0) this.#count("run ahead");
    if (decoding.length < plan.decode.filter(isRunning).length) this.#count("run ahead of some");
    this.#check(!decoding.some((sequence) => denied.has(sequence)), "another token than the newest is run ahead");
    for (const misread of this.#cache.run(ahead)) this.faults.push(...misread);
    if (isLoaded) this.#arriveAndCancel("while the model ran");
    for (const sequence of decoding) {
      sequence.tokenIds.push(this.#random.integer(0, 3));
      sequence.decodesLeft -= 1;
    }
    this.#scheduler.commit(ahead);
    if (decoding.length > 0 && denied.size === 0) this.#committedSteps += 1; // the denied wait one step longer
    this.#finish();
  }

  #finish(): void {
    for (const sequence of this.#inFlight) {
      if (sequence.decodesLeft > 0) continue;
      this.#count("finished");
      if (sequence.reusedTokens > 0) this.#count("finished with a reused prefix");
      this.#remove(sequence);
    }
  }

  #checkState(): void {
    const snapshot = this.#scheduler.snapshot();
    this.faults.push(...brokenStateRules(snapshot, this.#limits));
    for (const owner of snapshot.owners) {
      if (owner?.slot === undefined) continue;
      this.faults.push(...this.#cache.misread(owner.sequence, owner.slot, owner.cachedTokens));
    }
    const known = new Set([...snapshot.waiting, ...snapshot.owners].flatMap((entry) => entry?.sequence ?? []));
    this.#check(isDeepStrictEqual(known, this.#inFlight), "the scheduler knows other sequences than are in flight");
    this.#check(
      [...this.#removed].every(([{ slot, cachedTokens }, tokens]) => slot === undefined && cachedTokens === tokens),
      "a removed sequence has a slot or is counted on",
    );
    this.#check(
      [...this.#inFlight].every(({ deadline }) => this.#committedSteps < deadline),
      "a sequence starves",
    );
    this.#removed.clear();
  }

  #arriveAndCancel(when: "before the step" | "while the model ran"): void {
    while (this.#random.chance(this.#load)) this.#arrive();
    while (this.#random.chance(0.12)) {
      const state = this.#random.pick(["waiting", "prefilling", "running"]);
      const sequence = this.#random.pick([...this.#inFlight].filter((candidate) => stateOf(candidate) === state));
      if (sequence === undefined) return;
      this.#count(`cancelled ${when}, ${stateOf(sequence)}`);
      this.#remove(sequence);
    }
  }

  #arrive(): void {
    const tokenIds = this.#prompt();
    const sequence: FakeSequence = {
      tokenIds,
      promptTokens: tokenIds.length,
      mayReusePrefix: this.#random.chance(0.9),
      cachedTokens: 0,
      reusedTokens: 0,
      slot: undefined,
      decodesLeft: this.#random.integer(1, 25),
      deadline: 0,
    };
    try {
      this.#scheduler.add(sequence);
    } catch (error) {
      this.#check(
        error instanceof OverCapacityError && this.#inFlight.size === this.#limits.maxSequences,
        String(error),
      );
      this.#count("refused");
      return;
    }
    this.#inFlight.add(sequence);
    sequence.deadline = this.#committedSteps + this.#totalWorkLeft();
  }

  /** Few tokens occur, and half of the prompts begin with something that was said before. */
  #prompt(): number[] {
    const said = this.#random.chance(0.6) ? (this.#random.pick(this.#texts.slice(-6)) ?? []) : [];
    const begin = said.slice(0, this.#random.integer(Math.min(said.length, 14), said.length + 1)).slice(0, 50);
    const length = this.#random.integer(1, this.#random.chance(0.5) ? 6 : 41);
    return [...begin, ...Array.from({ length }, () => this.#random.integer(0, 3))];
  }

  /**
   * A bound for when everything in flight is finished: each committed step does at least one token of the
   * work of a sequence or of those that arrived before it.
   */
  #totalWorkLeft(): number {
    return [...this.#inFlight].reduce(
      (sum, { promptTokens, cachedTokens, decodesLeft }) =>
        sum + Math.max(promptTokens - cachedTokens, 0) + decodesLeft,
      0,
    );
  }

  #remove(sequence: FakeSequence): void {
    this.#scheduler.remove(sequence);
    this.#inFlight.delete(sequence);
    if (sequence.cachedTokens > 14) this.#texts.push(sequence.tokenIds.slice(0, sequence.cachedTokens));
    this.#removed.set(sequence, sequence.cachedTokens);
  }

  #check(holds: boolean, otherwise: string): void {
    if (!holds) this.faults.push(otherwise);
  }

  #count(situation: string): void {
    this.situations.set(situation, (this.situations.get(situation) ?? 0) + 1);
  }

  #countSituations({ copies, moves, prefills, decode }: Plan): void {
    const newSlots = new Map(
      prefills.flatMap(({ sequence, ...chunk }) => (sequence.slot === undefined ? [[chunk.slot, chunk.start]] : [])),
    );
    const copied = new Set(copies.map(({ to }) => to));
    if (moves.length > 0) this.#count("move");
    if (copies.some(({ to }) => newSlots.has(to))) this.#count("prefix copied");
    if (copies.some(({ to }) => !newSlots.has(to))) this.#count("prefix rescued");
    if (Array.from(newSlots).some(([slot, start]) => start > 0 && !copied.has(slot))) this.#count("prefix in place");
    const [first, last] = [decode.findIndex(isRunning), decode.findLastIndex(isRunning)];
    if (decode.slice(Math.max(first, 0), last).includes(undefined)) this.#count("hole");
    if (decode.length > 0 && last - first + 1 < decode.length) this.#count("padding");
    if (prefills.length > 1) this.#count("shared budget");
    if (prefills.some(({ start, end }) => isPadded(start, end))) this.#count("padded chunk");
  }
}
