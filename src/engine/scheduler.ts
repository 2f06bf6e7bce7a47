/**
 * Decides what the next step runs: prompt chunks up to a budget of tokens, then one decode over every
 * running sequence. Decode is never put off, so a long prompt costs the others one chunk of latency and
 * not the whole prompt (chunked prefill, Sarathi-Serve, arXiv:2403.02310).
 *
 * A sequence is waiting, then prefilling, then running; `remove` takes it out of any of the three.
 * Prompts are served first come, first served and only the last chunk of a step may be partial, so
 * between steps at most one sequence is prefilling, and the next step continues it first.
 *
 * Decode covers the rows [0, n) of the KV cache, and a hole among them costs as much as a sequence. A new
 * sequence therefore takes the lowest free slot, which fills a hole without a copy; holes that are left
 * are filled at once by the highest running sequences: the copy is paid once, the hole in every step to
 * come. No threshold, because nobody knows how many steps a sequence has left.
 * A sequence that is prefilling stays where it is: it becomes a running one soon, and can move then.
 *
 * Planning changes nothing; `commit` is called once the model has run. A step that fails is dropped: no
 * move overwrites an owned row and nothing writes to a row that a move leaves, so each sequence's
 * [0, cachedTokens) is still where the scheduler believes it to be, and the next `planStep` is right.
 */
import { ConfigurationError, InternalError, OverCapacityError } from "../errors.js";
import { SlotPool, type SlotOwner } from "./slots.js";

/** What the scheduler knows of a sequence. It alone writes `cachedTokens` and `slot` after `add`. */
export interface Schedulable extends SlotOwner {
  /** At least one. */
  readonly promptTokens: number;
  /** K and V of [0, cachedTokens) are in the cache. Above 0 before the first chunk when a prefix is reused. */
  cachedTokens: number;
}

export interface SchedulerLimits {
  /** Prompt tokens that one step may prefill. Bounds the inter-token latency of the others. */
  readonly prefillChunkTokens: number;
  /** Sequences waiting, prefilling and running together; the next one is refused at once. */
  readonly maxSequences: number;
  /** Rows of the KV cache. */
  readonly slots: number;
}

/** K and V of [0, tokens) are copied from row `from` to row `to`, which is free and lower. */
export interface SlotMove<S> {
  readonly sequence: S;
  readonly from: number;
  readonly to: number;
  readonly tokens: number;
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
  readonly moves: readonly SlotMove<S>[];
  readonly prefills: readonly PrefillChunk<S>[];
  /** Row i decodes sequence `decode[i]`; undefined = a hole, run as a dummy. The last row is never a hole. */
  readonly decode: readonly (S | undefined)[];
  /**
   * Where decode row i writes its K and V: behind what the row holds. For a dummy row that is the end of
   * the chunk that this step puts there (not yet in `cachedTokens`), or 0 where the row is free.
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
  /** First come, first served; a Set, because a cancelled sequence leaves from the middle. */
  readonly #waiting = new Set<S>();
  #prefilling: S | undefined;
  #newestPlan: StepPlan<S> | undefined;

  /** @throws {ConfigurationError} when a limit is not an integer, or too small. */
  constructor(limits: SchedulerLimits) {
    assertAtLeast(1, "prefillChunkTokens", limits.prefillChunkTokens);
    assertAtLeast(1, "maxSequences", limits.maxSequences);
    assertAtLeast(1, "slots", limits.slots);
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
   * @throws {InternalError} when it is in flight already, or when nothing of its prompt is left to prefill.
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
    if (cachedTokens >= promptTokens) {
      throw new InternalError(`${cachedTokens} of ${promptTokens} prompt tokens are cached: none is left to prefill`);
    }
    this.#waiting.add(sequence);
  }

  /** Takes a sequence out, whatever its state, and frees its slot at once. One that is not in flight is ignored. */
  remove(sequence: S): void {
    this.#waiting.delete(sequence);
    if (this.#prefilling === sequence) this.#prefilling = undefined;
    this.#slots.release(sequence);
  }

  /** What the next step runs; undefined when there is nothing to do. */
  planStep(): StepPlan<S> | undefined {
    const freeSlots = this.#slots.listFree();
    const prefills = this.#planPrefills(freeSlots);
    const filled = prefills.filter(({ sequence }) => sequence.slot === undefined).length;
    const moves = this.#planMoves(freeSlots.slice(filled));
    const decode = this.#planDecode(moves);
    if (prefills.length === 0 && decode.length === 0) return undefined;
    this.#newestPlan = { moves, prefills, decode, decodePositions: positionsOf(decode, prefills) };
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
    for (const { sequence, to } of plan.moves) {
      if (sequence.slot !== undefined) this.#slots.move(sequence, to);
    }
    for (const chunk of plan.prefills) this.#commitChunk(chunk);
    for (const sequence of plan.decode) {
      if (sequence?.slot !== undefined) sequence.cachedTokens += 1;
    }
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

  #planPrefills(freeSlots: readonly number[]): PrefillChunk<S>[] {
    const chunks: PrefillChunk<S>[] = [];
    let budget = this.#limits.prefillChunkTokens;
    let filled = 0;
    for (const sequence of this.#prefillOrder()) {
      const { promptTokens, cachedTokens: start } = sequence;
      const slot = sequence.slot ?? freeSlots[filled++];
      const tokens = Math.min(promptTokens - start, budget);
      if (slot === undefined || tokens === 0) break;
      const end = start + tokens;
      chunks.push({ sequence, slot, start, end, isLast: end === promptTokens });
      budget -= tokens;
    }
    return chunks;
  }

  *#prefillOrder(): Generator<S> {
    if (this.#prefilling !== undefined) yield this.#prefilling;
    yield* this.#waiting;
  }

  /** From the top down, each running sequence into the lowest hole, while that is lower. */
  #planMoves(holes: readonly number[]): SlotMove<S>[] {
    const moves: SlotMove<S>[] = [];
    for (let from = this.#limits.slots - 1; from >= 0; from--) {
      const to = holes[moves.length];
      if (to === undefined || to > from) break;
      const sequence = this.#runningIn(from);
      if (sequence !== undefined) moves.push({ sequence, from, to, tokens: sequence.cachedTokens });
    }
    return moves;
  }

  #planDecode(moves: readonly SlotMove<S>[]): (S | undefined)[] {
    const rows = Array.from({ length: this.#limits.slots }, (_, slot) => this.#runningIn(slot));
    for (const { sequence, from, to } of moves) {
      rows[from] = undefined;
      rows[to] = sequence;
    }
    return rows.slice(0, rows.findLastIndex((row) => row !== undefined) + 1);
  }

  #runningIn(slot: number): S | undefined {
    const owner = this.#slots.owners[slot];
    return owner === this.#prefilling ? undefined : owner;
  }

  #commitChunk({ sequence, slot, end, isLast }: PrefillChunk<S>): void {
    if (sequence.slot === undefined) {
      if (!this.#waiting.delete(sequence)) return; // removed while the model ran
      this.#slots.claim(slot, sequence);
    }
    sequence.cachedTokens = end;
    this.#prefilling = isLast ? undefined : sequence;
  }
}

function positionsOf<S extends Schedulable>(
  decode: readonly (S | undefined)[],
  prefills: readonly PrefillChunk<S>[],
): number[] {
  const positions = decode.map((sequence) => sequence?.cachedTokens ?? 0);
  for (const { slot, end } of prefills) {
    if (slot < positions.length) positions[slot] = end;
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
