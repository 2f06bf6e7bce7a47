/**
 * Decides what the next step runs: prompt chunks up to a budget of tokens, then one decode over every
 * running sequence. Decode is never put off, so a long prompt costs the others one chunk of latency and
 * not the whole prompt (chunked prefill, Sarathi-Serve, arXiv:2403.02310).
 *
 * A sequence is waiting, then prefilling, then running; `remove` takes it out of any of the three.
 * Prompts are served first come, first served and only the last chunk of a step may be partial, so
 * between steps at most one sequence is prefilling, and the next step continues it first.
 *
 * Decode covers a window of rows of the KV cache, from the lowest to the highest running sequence (padded where
 * graphs are captured), and a hole in it costs as much as a sequence. New sequences go where they keep the window dense (`prefix/placement.ts`); holes that
 * are left are filled at once from the window's ends: the copy is paid once, the hole in every step to come. No
 * threshold, because nobody knows how many steps a sequence has left.
 * A sequence that is prefilling stays where it is: it becomes a running one soon, and can move then.
 *
 * A row keeps what it holds when its sequence ends, until another takes it: a new prompt that begins like an earlier
 * one starts behind what they share.
 *
 * Planning changes nothing; `commit` is called once the model has run, or `discard` when it failed. No copy overwrites
 * an owned row, and what is written to a row that a move leaves lies behind what it holds, so after a failed step each sequence's
 * [0, cachedTokens) is still where the scheduler believes it to be, and the next `planStep` is right.
 */
import { ConfigurationError, InternalError, OverCapacityError } from "../errors.js";
import { paddedWindow, planMoves, type RowUse, type Window } from "./decode-window.js";
import { Placement, type Place, type RowCopy } from "./prefix/placement.js";
import { RowContents } from "./prefix/row-contents.js";
import { SlotPool, type SlotOwner } from "./slots.js";
import type { PrefillChunk, SlotMove, StepPlan } from "./step-plan.js";

export type { PrefillChunk, SlotMove, StepPlan } from "./step-plan.js";

/** What the scheduler knows of a sequence. It alone writes what is not `readonly` after `add`. */
export interface Schedulable extends SlotOwner {
  /** At least one. */
  readonly promptTokens: number;
  /** The prompt's, then those that were generated, of which the newest is not in the cache. */
  readonly tokenIds: readonly number[];
  /** Whether its prompt may start behind what an earlier one left; not when logits of all its positions are wanted. */
  readonly mayReusePrefix: boolean;
  /** K and V of [0, cachedTokens) are in the cache. */
  cachedTokens: number;
  /** Of the prompt, found in the cache when its first chunk ran. */
  reusedTokens: number;
}

export interface SchedulerLimits {
  /** The most prompt tokens that one step may prefill. Bounds the inter-token latency of the others. */
  readonly prefillChunkTokens: number;
  /** Sequences waiting, prefilling and running together; the next one is refused at once. */
  readonly maxSequences: number;
  /** Rows of the KV cache. */
  readonly slots: number;
  /** Tokens that rows may keep for later prompts, beyond those of rows that are in use; 0 = nothing is reused. */
  readonly prefixCacheTokens: number;
  /** Which positions another prompt may start from: those that prefill wrote, or those that decode wrote too. */
  readonly reusablePositions: "prefilled" | "all";
  /**
   * Positions of a row, where decodes are to cover few different windows (`paddedWindow`), as captured graphs want it:
   * rows beside those that must run are then run as dummies. Absent: decodes cover no more rows than they must.
   */
  readonly paddedRowLength?: number | undefined;
}

export interface SchedulerCounts {
  readonly waiting: number;
  readonly prefilling: number;
  readonly running: number;
  readonly freeSlots: number;
}

/** The counters of one sequence at one moment. */
export interface SequenceSnapshot<S> {
  readonly sequence: S;
  readonly promptTokens: number;
  readonly cachedTokens: number;
  readonly slot: number | undefined;
}

/** The whole state at one moment, for checks. */
export interface SchedulerSnapshot<S> {
  readonly counts: SchedulerCounts;
  /** In the order of service. */
  readonly waiting: readonly SequenceSnapshot<S>[];
  readonly prefilling: SequenceSnapshot<S> | undefined;
  /** By slot. The prefilling sequence is among them; every other owner is running. */
  readonly owners: readonly (SequenceSnapshot<S> | undefined)[];
}

export class Scheduler<S extends Schedulable> {
  readonly #limits: SchedulerLimits;
  readonly #slots: SlotPool<S>;
  readonly #contents = new RowContents();
  /** First come, first served; a Set, because a cancelled sequence leaves from the middle. */
  readonly #waiting = new Set<S>();
  #prefilling: S | undefined;
  #newestPlan: StepPlan<S> | undefined;

  /** @throws {ConfigurationError} when a limit is not an integer, or too small. */
  constructor(limits: SchedulerLimits) {
    assertAtLeast(1, "prefillChunkTokens", limits.prefillChunkTokens);
    assertAtLeast(1, "maxSequences", limits.maxSequences);
    assertAtLeast(1, "slots", limits.slots);
    assertAtLeast(0, "prefixCacheTokens", limits.prefixCacheTokens);
    this.#limits = limits;
    this.#slots = new SlotPool(limits.slots);
  }

  get counts(): SchedulerCounts {
    const prefilling = this.#prefilling === undefined ? 0 : 1;
    return {
      waiting: this.#waiting.size,
      prefilling,
      running: this.#slots.ownedCount - prefilling,
      freeSlots: this.#slots.freeCount,
    };
  }

  /**
   * Puts a new sequence at the end of the queue.
   * @throws {OverCapacityError} when `maxSequences` are in flight.
   * @throws {InternalError} when it is in flight already, was so before, or has no prompt.
   */
  add(sequence: S): void {
    const { maxSequences } = this.#limits;
    if (this.#waiting.size + this.#slots.ownedCount >= maxSequences) {
      throw new OverCapacityError(maxSequences);
    }
    if (sequence.slot !== undefined || this.#waiting.has(sequence)) {
      throw new InternalError("a sequence that is in flight was added again");
    }
    const { promptTokens, cachedTokens } = sequence;
    if (promptTokens < 1 || cachedTokens > 0) {
      throw new InternalError(`a sequence of ${promptTokens} prompt tokens was added, ${cachedTokens} of them cached`);
    }
    this.#waiting.add(sequence);
  }

  /** Takes a sequence out, whatever its state, and frees its slot at once. One that is not in flight is ignored. */
  remove(sequence: S): void {
    this.#waiting.delete(sequence);
    if (this.#prefilling === sequence) this.#prefilling = undefined;
    const { slot, tokenIds, cachedTokens } = sequence;
    if (slot !== undefined && this.#limits.reusablePositions === "all") this.#remember(slot, tokenIds, cachedTokens);
    this.#slots.release(sequence);
  }

  /**
   * What the next step runs; undefined when there is nothing to do.
   * @param prefillTokens prompt tokens that it may prefill: at least one, at most `prefillChunkTokens`.
   */
  planStep(prefillTokens = this.#limits.prefillChunkTokens): StepPlan<S> | undefined {
    const placement = this.#newPlacement();
    const prefills = this.#planPrefills(placement, prefillTokens);
    const moves = this.#planMoves(prefills, placement);
    const rows = this.#runningAfter(moves);
    const positions = this.#positionsAfter([...placement.copies, ...moves], prefills, rows);
    const { start, end } = this.#decodeWindow(rows, positions);
    if (prefills.length === 0 && start === end) return undefined;
    const [decode, decodePositions] = [rows.slice(start, end), positions.slice(start, end)];
    this.#newestPlan = { copies: placement.copies, moves, prefills, decodeStart: start, decode, decodePositions };
    return this.#newestPlan;
  }

  /**
   * The step that a run ahead makes: the decode of `plan`, which is committed, once more, one position further. Rows of
   * sequences that are gone since, and those that `goesOn` denies, are holes in it: the run writes behind what they hold.
   * @param goesOn whether the run ahead began with the sequence's newest token.
   */
  planAhead(plan: StepPlan<S>, goesOn: (sequence: S) => boolean): StepPlan<S> {
    this.#newestPlan = {
      ...{ copies: [], moves: [], prefills: [], decodeStart: plan.decodeStart },
      decode: plan.decode.map(
        (sequence) => (sequence?.slot !== undefined && goesOn(sequence) ? sequence : undefined), // no sequence changed its slot since
      ),
      decodePositions: plan.decodePositions.map((position) => position + 1),
    };
    return this.#newestPlan;
  }

  /**
   * Makes a step visible, after the model has run it. Sequences that were removed since it was planned are
   * skipped. None of their slots can have a new owner, because only `commit` gives slots away.
   * @throws {InternalError} when the plan is not the newest one, or was committed before.
   */
  commit(plan: StepPlan<S>): void {
    if (plan !== this.#newestPlan) throw new InternalError("only the newest step plan can be committed, and only once");
    this.#newestPlan = undefined;
    for (const { from, to, tokens } of [...plan.copies, ...plan.moves]) this.#contents.copy(from, to, tokens);
    for (const { sequence, to } of plan.moves) {
      if (sequence.slot !== undefined) this.#slots.move(sequence, to);
    }
    for (const chunk of plan.prefills) this.#commitChunk(chunk);
    for (const sequence of plan.decode) {
      if (sequence?.slot !== undefined) sequence.cachedTokens = sequence.tokenIds.length - 1;
    }
  }

  /** A step that failed: how far it came is unknown, so what it may have overwritten is reused no more. */
  discard(): void {
    this.#newestPlan = undefined;
    this.#contents.clear();
  }

  /** A copy of the whole state, in time linear in the sequences: for tests and debug runs. */
  snapshot(): SchedulerSnapshot<S> {
    return {
      counts: this.counts,
      waiting: Array.from(this.#waiting, snapshotOf),
      prefilling: this.#prefilling && snapshotOf(this.#prefilling),
      owners: this.#slots.owners.map((owner) => owner && snapshotOf(owner)),
    };
  }

  #newPlacement(): Placement {
    const { slots, prefixCacheTokens } = this.#limits;
    const owned = [...this.#slots.owners.keys()].filter((slot) => this.#slots.owners[slot] !== undefined);
    return new Placement(owned, slots, this.#contents, prefixCacheTokens);
  }

  #planPrefills(placement: Placement, prefillTokens: number): PrefillChunk<S>[] {
    const chunks: PrefillChunk<S>[] = [];
    let budget = prefillTokens;
    for (const sequence of this.#prefillOrder()) {
      const place = budget > 0 ? this.#placeOf(sequence, placement) : undefined;
      if (place === undefined) break;
      const { slot, cachedTokens: start } = place;
      const end = Math.min(sequence.promptTokens, start + budget);
      chunks.push({ sequence, slot, start, end, isLast: end === sequence.promptTokens });
      budget -= end - start;
    }
    return chunks;
  }

  #placeOf({ slot, cachedTokens, tokenIds, mayReusePrefix }: S, placement: Placement): Place | undefined {
    return slot === undefined ? placement.place(tokenIds, mayReusePrefix) : { slot, cachedTokens };
  }

  *#prefillOrder(): Generator<S> {
    if (this.#prefilling !== undefined) yield this.#prefilling;
    yield* this.#waiting;
  }

  #planMoves(prefills: readonly PrefillChunk<S>[], placement: Placement): SlotMove<S>[] {
    const given = new Set(prefills.map(({ slot }) => slot));
    const rows = Array.from({ length: this.#limits.slots }, (_, slot): RowUse => {
      if (given.has(slot)) return "stays";
      return this.#runningIn(slot) ?? (this.#slots.owners[slot] === undefined ? "free" : "stays");
    });
    const moves = planMoves(rows).flatMap(({ from, to }) => {
      const sequence = this.#runningIn(from);
      return sequence === undefined ? [] : [{ sequence, from, to, tokens: sequence.cachedTokens }];
    });
    placement.giveAway(moves.map(({ to }) => to));
    return moves;
  }

  #runningAfter(moves: readonly SlotMove<S>[]): (S | undefined)[] {
    const rows = Array.from({ length: this.#limits.slots }, (_, slot) => this.#runningIn(slot));
    for (const { sequence, from, to } of moves) {
      rows[from] = undefined;
      rows[to] = sequence;
    }
    return rows;
  }

  /**
   * Of each row, how many positions hold something of use once the copies and chunks of a step are done. That includes
   * what a move leaves behind: after a failed step the sequence is still there.
   */
  #positionsAfter(copies: readonly RowCopy[], prefills: readonly PrefillChunk<S>[], rows: readonly (S | undefined)[]) {
    const positions = rows.map((running, row) => running?.cachedTokens ?? this.#contents.lengthOf(row));
    for (const { from, tokens } of copies) positions[from] = Math.max(positions[from] ?? 0, tokens);
    for (const { to, tokens } of copies) positions[to] = tokens;
    for (const { slot, end } of prefills) positions[slot] = end;
    return positions;
  }

  /** Padded where that is asked for, unless a dummy would write over what a row holds. */
  #decodeWindow(rows: readonly (S | undefined)[], positions: readonly number[]): Window {
    const { slots, paddedRowLength } = this.#limits;
    const start = Math.max(
      0,
      rows.findIndex((row) => row !== undefined),
    );
    const dense = { start, end: rows.findLastIndex((row) => row !== undefined) + 1 };
    if (paddedRowLength === undefined || dense.end === 0) return dense;
    const padded = paddedWindow(dense, slots);
    const hasRoom = positions.slice(padded.start, padded.end).every((position) => position < paddedRowLength);
    return hasRoom ? padded : dense;
  }

  #runningIn(slot: number): S | undefined {
    const owner = this.#slots.owners[slot];
    return owner === this.#prefilling ? undefined : owner;
  }

  #commitChunk({ sequence, slot, start, end, isLast }: PrefillChunk<S>): void {
    this.#remember(slot, sequence.tokenIds, end);
    if (sequence.slot === undefined) {
      if (!this.#waiting.delete(sequence)) return; // removed while the model ran
      this.#slots.claim(slot, sequence);
      sequence.reusedTokens = start;
    }
    sequence.cachedTokens = end;
    this.#prefilling = isLast ? undefined : sequence;
  }

  #remember(slot: number, tokenIds: readonly number[], length: number): void {
    if (this.#limits.prefixCacheTokens > 0) this.#contents.set(slot, tokenIds.slice(0, length));
  }
}

function snapshotOf<S extends Schedulable>(sequence: S): SequenceSnapshot<S> {
  const { promptTokens, cachedTokens, slot } = sequence;
  return { sequence, promptTokens, cachedTokens, slot };
}

function assertAtLeast(minimum: number, name: keyof SchedulerLimits, value: number): void {
  if (Number.isInteger(value) && value >= minimum) return;
  throw new ConfigurationError(`${name} must be an integer of at least ${minimum}, got ${value}`);
}
