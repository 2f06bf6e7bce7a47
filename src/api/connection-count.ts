import type { Socket } from "node:net";
import type { Logger } from "./log.js";

/** Counts the open connections of all ports, of which there may be so many. */
export class ConnectionCount {
  readonly #limit: number;
  readonly #log: Logger;
  #open = 0;
  /** The log is told once of each time that the limit is reached, not of every connection that is refused. */
  #isFull = false;

  constructor(limit: number, log: Logger) {
    this.#limit = limit;
    this.#log = log;
  }

  /** @returns false when there are too many; the socket is destroyed then. */
  admit(socket: Socket): boolean {
    if (this.#open >= this.#limit) {
      if (!this.#isFull) this.#log.warn("connections are refused: --max-connections are open", { limit: this.#limit });
      this.#isFull = true;
      socket.destroy();
      return false;
    }
    this.#open += 1;
    socket.once("close", () => {
      this.#open -= 1;
      this.#isFull = false;
    });
    return true;
  }
}
