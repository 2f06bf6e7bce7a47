/**
 * Decides what the next step runs: prompt chunks up to a budget of tokens, then one decode over every
 * running sequence. Decode is never put off, so a long prompt costs the others one chunk of latency and
 * not the whole prompt (chunked prefill, Sarathi-Serve, arXiv:2403.02310).
 *
 * A sequence is waiting, then prefilling, then running; `remove` takes it out of any of the three.
 * Prompts are served first come, first served and only the last chunk of a step may be partial, so
 * between steps at most one sequence is prefilling, and the next step continues it first.
 *
 * Decode covers a window of rows of the KV cache, from the lowest to the highest running sequence, and a hole in it
 * costs as much as a sequence. New sequences go where they keep the window dense (`prefix/placement.ts`); holes that
 * are left are filled at once from the window's ends: the copy is paid once, the hole in every step to come. No
 * threshold, because nobody knows how many steps a sequence has left.
 * A sequence that is prefilling stays where it is: it becomes a running one soon, and can move then.
 *
 * A row keeps what it holds when its sequence ends, until another takes it: a new prompt that begins like an earlier
 * one starts behind what they share.
 *
 * Planning changes nothing; `commit` is called once the model has run, or `discard` when it failed. No copy overwrites
 * an owned row and nothing writes to a row that a move leaves, so after a failed step each sequence's
 * [0, cachedTokens) is still where the scheduler believes it to be, and the next `planStep` is right.
 */
import { ConfigurationError, InternalError, OverCapacityError } from "../errors.js";
import { planMoves, type RowUse } from "./decode-window.js";
import { Placement, type Place, type RowCopy } from "./prefix/placement.js";
import { RowContents } from "./prefix/row-contents.js";
import { SlotPool, type SlotOwner } from "./slots.js";

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
}

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
   * Row `decodeStart + i` decodes sequence `decode[i]`; undefined = a hole, the prefilling sequence's row, run as a
   * dummy. The first and the last are never holes.
   */
  readonly decode: readonly (S | undefined)[];
  /**
   * Where `decode[i]` writes its K and V: behind what the row holds. For a dummy that is the end of the chunk that this
   * step puts there, which is not yet in `cachedTokens`.
   */
  readonly decodePositions: readonly number[];
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
    const decodeStart = Math.max(
      0,
      rows.findIndex((row) => row !== undefined),
    );
    const decode = rows.slice(decodeStart, rows.findLastIndex((row) => row !== undefined) + 1);
    if (prefills.length === 0 && decode.length === 0) return undefined;
    const decodePositions = positionsOf(decode, decodeStart, prefills);
    this.#newestPlan = { copies: placement.copies, moves, prefills, decodeStart, decode, decodePositions };
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

function positionsOf<S extends Schedulable>(
  decode: readonly (S | undefined)[],
  decodeStart: number,
  prefills: readonly PrefillChunk<S>[],
): number[] {
  const positions = decode.map((sequence) => sequence?.cachedTokens ?? 0);
  for (const { slot, end } of prefills) {
    if (slot - decodeStart in positions) positions[slot - decodeStart] = end;
  }
  return positions;
}

function snapshotOf<S extends Schedulable>(sequence: S): SequenceSnapshot<S> {
  const { promptTokens, cachedTokens, slot } = sequence;
  return { sequence, promptTokens, cachedTokens, slot };
}

function assertAtLeast(minimum: number, name: keyof SchedulerLimits, value: number): void {
  if (Number.isInteger(value) && value >= minimum) return;
  throw new ConfigurationError(`${name} must be an integer of at least ${minimum}, got ${value}`);
}
