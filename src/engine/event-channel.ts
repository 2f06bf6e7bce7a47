import type { GenerationEvent } from "./request.js";

interface Waiter {
  resolve(result: IteratorResult<GenerationEvent>): void;
  reject(error: Error): void;
}

/**
 * Events of one sequence on their way from the engine to the caller that asked for them.
 *
 * The engine never waits: what a slow caller has not taken stays here. That is bounded by the request's
 * `maxNewTokens`, one event a token.
 */
export class EventChannel implements AsyncIterableIterator<GenerationEvent> {
  readonly #events: GenerationEvent[] = [];
  #next = 0;
  #end: { readonly error: Error | undefined } | undefined;
  #waiter: Waiter | undefined;

  push(event: GenerationEvent): void {
    if (this.#end !== undefined) return; // nobody is listening any more
    const waiter = this.#takeWaiter();
    if (waiter === undefined) this.#events.push(event);
    else waiter.resolve({ value: event, done: false });
  }

  /** No event follows. With an error, the caller's loop throws it once it has taken the events before. */
  close(error?: Error): void {
    if (this.#end !== undefined) return;
    this.#end = { error };
    const waiter = this.#takeWaiter();
    if (error === undefined) waiter?.resolve({ value: undefined, done: true });
    else waiter?.reject(error);
  }

  next(): Promise<IteratorResult<GenerationEvent>> {
    const value = this.#events[this.#next];
    if (value !== undefined) {
      this.#next += 1;
      return Promise.resolve({ value, done: false });
    }
    if (this.#end?.error !== undefined) return Promise.reject(this.#end.error);
    if (this.#end !== undefined) return Promise.resolve({ value: undefined, done: true });
    this.#events.length = this.#next = 0;
    return new Promise((resolve, reject) => (this.#waiter = { resolve, reject }));
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #takeWaiter(): Waiter | undefined {
    const waiter = this.#waiter;
    this.#waiter = undefined;
    return waiter;
  }
}
