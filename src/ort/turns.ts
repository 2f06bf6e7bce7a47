/**
 * Work that must not overlap in this process, one after the other: making a session maps and unmaps files on a worker
 * thread, and may go by an environment variable.
 */

/** Settles when nothing is under way. */
let lastTurn: Promise<unknown> = Promise.resolve();

/** Does `work` when all that came before it is over. What fails keeps nobody waiting. */
export function inTurn<T>(work: () => Promise<T> | T): Promise<T> {
  const turn = lastTurn.then(work);
  lastTurn = turn.catch(() => undefined);
  return turn;
}
