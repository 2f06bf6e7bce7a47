/**
 * Follows the signal of a call and adds a time limit of its own: the API's limit for one request, as opposed to the
 * client's deadline (which the transport keeps) and to `max_time` (which the engine keeps).
 *
 * Its timer and its listener live until `dispose`, so dispose it when the call ends.
 */
export class RequestTimer {
  /** Aborted with the call's reason, or with one that `timeout` makes when the time is up. */
  readonly signal: AbortSignal;
  readonly #stop: () => void;

  /** @param timeoutMs 0 or less: no limit. */
  constructor(call: AbortSignal, timeoutMs: number, timeout: () => Error) {
    if (timeoutMs <= 0) {
      this.signal = call;
      this.#stop = () => undefined;
      return;
    }
    const controller = new AbortController();
    const follow = (): void => controller.abort(call.reason);
    const timer = setTimeout(() => controller.abort(timeout()), timeoutMs);
    call.addEventListener("abort", follow, { once: true });
    if (call.aborted) follow();
    this.signal = controller.signal;
    this.#stop = () => {
      clearTimeout(timer);
      call.removeEventListener("abort", follow);
    };
  }

  dispose(): void {
    this.#stop();
  }
}
