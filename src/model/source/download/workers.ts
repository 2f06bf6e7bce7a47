/**
 * Does `work` for each item, at most `concurrency` at once, in the items' order. The first failure aborts the others,
 * and is thrown once none of them works any more.
 *
 * @param work Has to heed the signal that it is given.
 */
export async function forEachAtOnce<T>(
  items: Iterable<T>,
  concurrency: number,
  work: (item: T, signal: AbortSignal) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const queue = items[Symbol.iterator]();
  const controller = new AbortController();
  const abort = () => controller.abort(signal.reason);
  signal.addEventListener("abort", abort);
  const workOn = async (): Promise<void> => {
    try {
      for (let next = queue.next(); next.done !== true; next = queue.next()) {
        controller.signal.throwIfAborted();
        await work(next.value, controller.signal);
      }
    } catch (error) {
      controller.abort(error); // the first failure stays the reason
    }
  };
  try {
    if (signal.aborted) abort();
    await Promise.all(Array.from({ length: concurrency }, workOn));
    controller.signal.throwIfAborted();
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
