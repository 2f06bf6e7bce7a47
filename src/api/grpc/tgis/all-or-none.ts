import { CancelledError } from "../../../errors.js";

/**
 * Runs `task` for every item at once: all results in the order of the items, or the first failure.
 *
 * All tasks are begun, in order, before this returns to the event loop, so that no other call comes between them. The
 * signal that they get is aborted with the call's own, and as soon as one of them fails: the others end at once.
 */
export async function allOrNone<Item, Result>(
  items: readonly Item[],
  call: AbortSignal,
  task: (item: Item, signal: AbortSignal) => Promise<Result>,
): Promise<Result[]> {
  if (items.length <= 1) return Promise.all(items.map(async (item) => task(item, call))); // the usual case, at no cost
  const controller = new AbortController();
  const follow = (): void => controller.abort(call.reason);
  call.addEventListener("abort", follow, { once: true });
  if (call.aborted) follow();
  try {
    return await Promise.all(items.map(async (item) => task(item, controller.signal)));
  } finally {
    controller.abort(new CancelledError("the other items are not needed")); // after a success there are none left
    call.removeEventListener("abort", follow);
  }
}
