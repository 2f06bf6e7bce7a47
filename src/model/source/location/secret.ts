import { inspect } from "node:util";

/**
 * A text that must not be printed: a key, a token, the query of a signed URL. Whoever logs one, or anything that
 * holds one, gets `****`; whoever needs the text says so with `reveal`.
 */
export class Secret {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  reveal(): string {
    return this.#text;
  }

  toString(): string {
    return "****";
  }

  toJSON(): string {
    return "****";
  }

  [inspect.custom](): string {
    return "****";
  }
}
