import { CheckpointError } from "../../errors.js";
import { quote } from "./messages.js";
import { describe, PickleDict, PickleGlobal, type PickleScope, PickleTuple } from "./pickle-values.js";

/** A state dict needs about 2,000 of these: `pickle` sets a dictionary's items in batches of 1,000 pairs. */
const maxStackItems = 100_000;
const maxMarks = 1_000;
/** Each tensor takes about 8. */
const maxMemoItems = 1_000_000;

/**
 * The stack machine that pickle opcodes drive: a stack of values, marks that begin a group of them, and a memo of
 * values to be used again. Every operation takes constant time or time in proportion to what is on the stack, and
 * nothing follows references, so values nested or shared without end cost no more than their opcodes.
 */
export class PickleMachine {
  readonly #scope: PickleScope;
  readonly #stack: unknown[] = [];
  /** Stack heights at which the open groups begin. */
  readonly #marks: number[] = [];
  readonly #memo = new Map<number, unknown>();

  constructor(scope: PickleScope) {
    this.#scope = scope;
  }

  push(value: unknown): void {
    if (this.#stack.length >= maxStackItems) throw new CheckpointError(`more than ${maxStackItems} values at once`);
    this.#stack.push(value);
  }

  /** Takes the top value of the open group. */
  pop(): unknown {
    if (this.#stack.length <= (this.#marks.at(-1) ?? 0)) throw new CheckpointError("no value on the stack");
    return this.#stack.pop();
  }

  mark(): void {
    if (this.#marks.length >= maxMarks) throw new CheckpointError(`more than ${maxMarks} groups within each other`);
    this.#marks.push(this.#stack.length);
  }

  /** Closes the open group and takes all its values. */
  popToMark(): unknown[] {
    const start = this.#marks.pop();
    if (start === undefined) throw new CheckpointError("no group is open");
    return this.#stack.splice(start);
  }

  /** Puts the top `count` values, in the order they were pushed, into one tuple. */
  tuple(count: number): void {
    const items = Array.from({ length: count }, () => this.pop());
    this.push(new PickleTuple(items.reverse()));
  }

  memoize(index = this.#memo.size): void {
    const value = this.pop();
    if (this.#memo.size >= maxMemoItems) throw new CheckpointError(`more than ${maxMemoItems} values to remember`);
    this.#memo.set(index, value);
    this.push(value);
  }

  recall(index: number): void {
    const value = this.#memo.get(index);
    if (value === undefined) throw new CheckpointError(`memo ${index} was never stored`);
    this.push(value);
  }

  /** The one gate to the outside: a name that the scope does not list is refused here, before it could be called. */
  global(module: string, name: string): void {
    const fullName = `${module}.${name}`;
    const global = this.#scope.globals.get(fullName);
    if (global === undefined) throw new CheckpointError(`refused ${quote(fullName)}, which no state dict needs`);
    this.push(global);
  }

  globalFromStack(): void {
    const name = this.pop();
    const module = this.pop();
    if (typeof module !== "string" || typeof name !== "string") {
      throw new CheckpointError(`a global is named by ${describe(module)} and ${describe(name)}, not by two strings`);
    }
    this.global(module, name);
  }

  call(): void {
    const args = this.pop();
    const callee = this.pop();
    if (!(args instanceof PickleTuple)) throw new CheckpointError(`the arguments are ${describe(args)}, not a tuple`);
    if (!(callee instanceof PickleGlobal) || callee.call === undefined) {
      throw new CheckpointError(`${describe(callee)} cannot be called`);
    }
    this.push(callee.call(args.items));
  }

  loadPersistent(): void {
    this.push(this.#scope.persistentLoad(this.pop()));
  }

  /** Sets attributes on the top value. Only dictionaries have them, and nothing reads them: they are dropped. */
  setAttributes(): void {
    const attributes = this.pop();
    const target = this.pop();
    if (!(target instanceof PickleDict) || !(attributes instanceof PickleDict)) {
      throw new CheckpointError(`${describe(target)} cannot take attributes from ${describe(attributes)}`);
    }
    this.push(target);
  }

  /** Adds `[key, value, key, value, ...]` to the dictionary on top. */
  setItems(items: readonly unknown[]): void {
    const target = this.pop();
    if (!(target instanceof PickleDict)) throw new CheckpointError(`${describe(target)} cannot take items`);
    if (items.length % 2 !== 0) throw new CheckpointError("a key without a value");
    for (let index = 0; index < items.length; index += 2) {
      const key = items[index];
      if (typeof key !== "string") throw new CheckpointError(`a dictionary key is ${describe(key)}, not a string`);
      target.entries.set(key, items[index + 1]);
    }
    this.push(target);
  }
}
