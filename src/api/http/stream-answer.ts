import type { FastifyReply } from "fastify";
import { abortSignalOf } from "./api.js";
import { EventStream } from "./sse.js";

/**
 * Waits for the first item. What refuses a request is thrown here, where its answer can still have a status of its own.
 * @returns all items.
 */
export async function begun<T>(items: AsyncIterable<T>): Promise<AsyncIterable<T>> {
  const iterator = items[Symbol.asyncIterator]();
  const first = await iterator.next();
  return (async function* () {
    try {
      if (first.done === true) return;
      yield first.value;
      yield* { [Symbol.asyncIterator]: () => iterator };
    } finally {
      await iterator.return?.();
    }
  })();
}

/**
 * Answers with server-sent events, each a whole event with its line ends. An error becomes the last of them, since the
 * status is out already; a client that is gone is told nothing.
 */
export async function sendEvents(
  reply: FastifyReply,
  events: AsyncIterable<string>,
  toEvent: (error: unknown) => string,
): Promise<void> {
  const stream = new EventStream(reply, { headers: { "cache-control": "no-cache" } });
  try {
    for await (const event of events) await stream.send(event);
  } catch (error) {
    const isGone = abortSignalOf(reply.request).aborted && reply.raw.destroyed;
    if (!isGone) await stream.send(toEvent(error))?.catch(() => undefined); // it may go while it is told
  } finally {
    stream.end();
  }
}

/** Items of all sources, in the order in which they come. Stopping early tells the sources to stop, and waits for none. */
export async function* merged<T>(sources: readonly AsyncIterable<T>[]): AsyncGenerator<T> {
  const [only, another] = sources;
  if (only !== undefined && another === undefined) {
    yield* only; // the usual case, at no cost
    return;
  }
  const iterators = sources.map((source) => source[Symbol.asyncIterator]());
  const next = async (iterator: AsyncIterator<T>) => ({ iterator, result: await iterator.next() });
  const pending = new Map(iterators.map((iterator) => [iterator, next(iterator)]));
  try {
    while (pending.size > 0) {
      const { iterator, result } = await Promise.race(pending.values());
      if (result.done === true) {
        pending.delete(iterator);
        continue;
      }
      pending.set(iterator, next(iterator));
      yield result.value;
    }
  } finally {
    const ends = iterators.map(async (iterator) => iterator.return?.());
    void Promise.allSettled([...pending.values(), ...ends]); // what they fail with now concerns nobody
  }
}
