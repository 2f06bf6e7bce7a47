import { InternalError } from "../errors.js";

/** What a slot needs to know of its owner. `slot` is written by the pool alone. */
export interface SlotOwner {
  slot: number | undefined;
}

/**
 * Who owns which row of the KV cache. A slot has at most one owner and a sequence at most one slot;
 * both sides (`owners[slot]` and `sequence.slot`) change together, here.
 */
export class SlotPool<S extends SlotOwner> {
  readonly #owners: (S | undefined)[];
  #freeCount: number;

  constructor(count: number) {
    this.#owners = new Array<S | undefined>(count).fill(undefined);
    this.#freeCount = count;
  }

  /** The owner of each slot, undefined where it is free. */
  get owners(): readonly (S | undefined)[] {
    return this.#owners;
  }

  get freeCount(): number {
    return this.#freeCount;
  }

  get ownedCount(): number {
    return this.#owners.length - this.#freeCount;
  }

  /** Free slots, lowest first. */
  listFree(): number[] {
    return [...this.#owners.keys()].filter((slot) => this.#owners[slot] === undefined);
  }

  /** @throws {InternalError} when the slot does not exist or has an owner, or the sequence has a slot already. */
  claim(slot: number, sequence: S): void {
    if (sequence.slot !== undefined) throw new InternalError(`a sequence in slot ${sequence.slot} claims slot ${slot}`);
    this.#assertFree(slot);
    this.#owners[slot] = sequence;
    this.#freeCount -= 1;
    sequence.slot = slot;
  }

  /** @throws {InternalError} when the target does not exist or has an owner, or the sequence has no slot. */
  move(sequence: S, to: number): void {
    if (sequence.slot === undefined) throw new InternalError(`a sequence without a slot moves to slot ${to}`);
    this.#assertFree(to);
    this.release(sequence);
    this.claim(to, sequence);
  }

  /**
   * Frees the sequence's slot; one without a slot is left alone.
   * @throws {InternalError} when the slot it names is another's.
   */
  release(sequence: S): void {
    const { slot } = sequence;
    if (slot === undefined) return;
    if (this.#owners[slot] !== sequence) throw new InternalError(`slot ${slot} is released by another than its owner`);
    this.#owners[slot] = undefined;
    this.#freeCount += 1;
    sequence.slot = undefined;
  }

  #assertFree(slot: number): void {
    if (!(slot in this.#owners)) throw new InternalError(`slot ${slot} of ${this.#owners.length} does not exist`);
    if (this.#owners[slot] !== undefined) throw new InternalError(`slot ${slot} has an owner already`);
  }
}
