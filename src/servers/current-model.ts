/** The model that answers. There is always one; while it is swapped, the one before finishes what it has begun. */
import { setImmediate } from "node:timers/promises";
import { unload } from "./loaded.js";
import type { Served } from "./served.js";

/** As long as a Node timer can wait: 24 days. */
const untilAllFinished = 2 ** 31 - 1;

export class CurrentModel {
  #retiring: Served | undefined;
  #retirement: Promise<void> = Promise.resolve();

  constructor(private served: Served) {}

  /** What new requests are answered with: they ask once each (`api/current.ts`). */
  readonly get = (): Served => this.served;

  /** The current model, and the one before while it has requests. */
  get withRequests(): readonly Served[] {
    return this.#retiring === undefined ? [this.served] : [this.#retiring, this.served];
  }

  /**
   * From now on new requests go to `next`. Resolves when the model before has answered all that it had, and its memory
   * is given back: only then there is room for another one.
   */
  replace(next: Served): Promise<void> {
    const before = this.served;
    this.served = next;
    this.#retiring = before;
    this.#retirement = this.#retire(before);
    return this.#retirement;
  }

  /** Refuses new requests; what runs may go on for `graceMs`. Resolves when nothing runs any more. */
  async drain(graceMs: number): Promise<void> {
    await Promise.all(this.withRequests.map(async ({ engine }) => engine.drain(graceMs)));
    await this.#retirement.catch(() => undefined); // told by `replace`
  }

  async #retire(before: Served): Promise<void> {
    await setImmediate(); // a request that asked in this turn of the event loop is in the engine by then
    await before.engine.drain(untilAllFinished);
    this.#retiring = undefined;
    await unload(before);
  }
}
