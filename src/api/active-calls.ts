import { UnavailableError } from "../errors.js";

/**
 * The calls in flight, each by the controller that ends it, so that a drain can wait for them and a stop can end them.
 *
 * Background calls (health, reflection) answer even while the server drains, and do not hold the drain up.
 */
export class ActiveCalls {
  readonly #foreground = new Set<AbortController>();
  readonly #background = new Set<AbortController>();
  readonly #idleWaiters = new Set<() => void>();
  #isRefusing = false;

  /** @throws {UnavailableError} for a foreground call, once `refuseNew` was called. */
  open(call: AbortController, isBackground: boolean): void {
    if (isBackground) {
      this.#background.add(call);
      return;
    }
    if (this.#isRefusing) throw shuttingDown();
    this.#foreground.add(call);
  }

  close(call: AbortController): void {
    this.#background.delete(call);
    this.#foreground.delete(call);
    if (this.#foreground.size > 0) return;
    for (const resolve of this.#idleWaiters) resolve();
    this.#idleWaiters.clear();
  }

  /** There is no way back. */
  refuseNew(): void {
    this.#isRefusing = true;
  }

  /** Resolves when no foreground call is in flight, at the latest after `timeoutMs`. */
  async waitUntilIdle(timeoutMs: number): Promise<void> {
    if (this.#foreground.size === 0) return;
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.#idleWaiters.delete(done);
        resolve();
      };
      const timer = setTimeout(done, timeoutMs);
      this.#idleWaiters.add(done);
    });
  }

  /** Ends every call. */
  abortAll(): void {
    for (const call of [...this.#foreground, ...this.#background]) call.abort(shuttingDown());
  }
}

function shuttingDown(): UnavailableError {
  return new UnavailableError("the server is shutting down");
}
