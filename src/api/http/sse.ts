import type { FastifyReply } from "fastify";
import { abortSignalOf } from "./api.js";

export interface EventStreamOptions {
  /** Headers besides `content-type`, `date`, `connection` and `transfer-encoding`; names in lower case. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent every `intervalMs`, so that proxies do not take the stream for dead. */
  readonly ping?: { readonly intervalMs: number; readonly comment: () => string };
}

/**
 * An answer of server-sent events: status 200 and the headers go out when it is made, so whatever has to fail with a
 * status of its own has to fail before. The caller writes whole events, line ends included, and ends the stream.
 */
export class EventStream {
  readonly #response: FastifyReply["raw"];
  readonly #signal: AbortSignal;

  constructor(reply: FastifyReply, { headers = {}, ping }: EventStreamOptions = {}) {
    this.#response = reply.raw;
    this.#signal = abortSignalOf(reply.request);
    reply.hijack(); // from here on the answer is ours, not fastify's
    const { useChunkedEncodingByDefault: isChunked, shouldKeepAlive } = this.#response;
    this.#response.writeHead(200, {
      "content-type": "text/event-stream; charset=utf-8",
      ...headers,
      connection: isChunked && shouldKeepAlive ? "keep-alive" : "close",
      ...(isChunked && { "transfer-encoding": "chunked" }), // not in HTTP/1.0; Node would add it in capitals
    });
    this.#response.flushHeaders();
    if (ping !== undefined) this.#sendPings(ping.intervalMs, ping.comment);
  }

  /**
   * Sends text. A promise means that the client is behind: await it before sending more.
   * @throws what the request was aborted with when the client is gone, or when it is aborted while the client is behind.
   */
  send(text: string): Promise<void> | undefined {
    if (this.#response.destroyed) this.#signal.throwIfAborted();
    return this.#response.write(text) ? undefined : this.#drained();
  }

  /** Ends the stream, with a last event if there is still a client to tell it to. */
  end(lastEvent = ""): void {
    if (!this.#response.destroyed) this.#response.end(lastEvent);
  }

  async #drained(): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        this.#response.off("drain", settle);
        this.#signal.removeEventListener("abort", settle);
        if (this.#signal.aborted) reject(this.#signal.reason as Error);
        else resolve();
      };
      this.#response.once("drain", settle);
      this.#signal.addEventListener("abort", settle);
      if (this.#signal.aborted) settle();
    });
  }

  /** A client that is behind gets none: they would only fill the buffer. */
  #sendPings(intervalMs: number, comment: () => string): void {
    const timer = setInterval(() => {
      if (!this.#response.writableNeedDrain && !this.#response.writableEnded) this.#response.write(comment());
    }, intervalMs);
    this.#response.once("close", () => clearInterval(timer));
  }
}
