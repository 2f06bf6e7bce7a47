/** Something that waits to be read by a client: an HTTP/2 stream, or a response of HTTP/1.1. */
interface Outgoing {
  /** Bytes that the client has not taken yet. */
  readonly writableLength: number;
  once(event: "close", listener: () => void): unknown;
}

interface Watched {
  readonly drop: () => void;
  length: number;
  /** Since when its length has been the same, and not 0. */
  sinceMs: number;
}

/**
 * Drops whoever has read nothing for a time while something waits for it: its back-pressure keeps the memory of an
 * answer bounded, but not for how long. Looks around every half of that time, so that a message costs nothing.
 */
export class SlowReaders {
  readonly #timeoutMs: number;
  readonly #watched = new Map<Outgoing, Watched>();
  readonly #timer: NodeJS.Timeout;

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
    this.#timer = setInterval(() => this.#look(performance.now()), timeoutMs / 2).unref();
  }

  /** Calls `drop` when the client of `outgoing` has stopped to read. */
  watch(outgoing: Outgoing, drop: () => void): void {
    this.#watched.set(outgoing, { drop, length: 0, sinceMs: 0 });
    outgoing.once("close", () => this.#watched.delete(outgoing));
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #look(nowMs: number): void {
    for (const [{ writableLength }, watched] of this.#watched) {
      if (writableLength === 0 || writableLength !== watched.length) {
        watched.length = writableLength;
        watched.sinceMs = nowMs;
      } else if (nowMs - watched.sinceMs >= this.#timeoutMs) watched.drop();
    }
  }
}
