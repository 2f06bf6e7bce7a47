/**
 * A JSON reader that keeps what `JSON.parse` loses: whether a number was written as an integer, integers of any size,
 * and the literals `NaN`, `Infinity` and `-Infinity`. It accepts and refuses what the original's reader (jiter, in
 * pydantic) does: lone surrogates and a byte order mark are errors, of equal keys the last one counts.
 */

/** Integers are bigints, numbers with a point or an exponent are numbers. */
export type JsonValue = null | boolean | string | bigint | number | readonly JsonValue[] | JsonObject;
export type JsonObject = ReadonlyMap<string, JsonValue>;

/** The text is no JSON: why and where. */
export class JsonError extends Error {
  override readonly name = "JsonError";
}

/** Deepest nesting, and longest integer in digits, that the original reads. */
const maxDepth = 200;
const maxIntegerDigits = 4300;

/** @throws {JsonError} */
export function readJson(text: string): JsonValue {
  return new JsonReader(text).read();
}

const integerPattern = /-?(?:0|[1-9]\d*)(?![\d.eE])/y;
const numberPattern = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\d.eE])/y;
const literals = new Map<string, JsonValue>([
  ["null", null],
  ["true", true],
  ["false", false],
  ["NaN", NaN],
  ["Infinity", Infinity],
  ["-Infinity", -Infinity],
]);
const literalPattern = /null|true|false|NaN|-?Infinity/y;

class JsonReader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  read(): JsonValue {
    const value = this.#value(0);
    if (this.#next() !== undefined) throw this.#error("trailing characters");
    return value;
  }

  #value(depth: number): JsonValue {
    const char = this.#next();
    if (char === undefined) throw this.#error("EOF while parsing a value");
    if (depth > maxDepth) throw this.#error("recursion limit exceeded");
    if (char === "{") return this.#object(depth);
    if (char === "[") return this.#array(depth);
    if (char === '"') return this.#string();
    const literal = this.#match(literalPattern);
    return literal === undefined ? this.#number() : (literals.get(literal) ?? null);
  }

  #object(depth: number): JsonObject {
    const entries = new Map<string, JsonValue>();
    this.#at += 1;
    if (this.#skip("}")) return entries;
    for (;;) {
      if (this.#next() !== '"') throw this.#unexpected("an object", "key must be a string");
      const key = this.#string();
      if (!this.#skip(":")) throw this.#unexpected("an object", "expected `:`");
      entries.set(key, this.#value(depth + 1));
      if (this.#skip("}")) return entries;
      if (!this.#skip(",")) throw this.#unexpected("an object", "expected `,` or `}`");
      if (this.#next() === "}") throw this.#error("trailing comma");
    }
  }

  #array(depth: number): readonly JsonValue[] {
    const items: JsonValue[] = [];
    this.#at += 1;
    if (this.#skip("]")) return items;
    for (;;) {
      items.push(this.#value(depth + 1));
      if (this.#skip("]")) return items;
      if (!this.#skip(",")) throw this.#unexpected("a list", "expected `,` or `]`");
      if (this.#next() === "]") throw this.#error("trailing comma");
    }
  }

  /** The literal is cut out and given to `JSON.parse`, which knows the escapes. */
  #string(): string {
    const start = this.#at;
    const end = this.#closingQuote();
    const literal = this.#text.slice(start, end + 1);
    const value = parseLiteral(literal);
    if (value === undefined) throw this.#error("invalid escape or control character in a string");
    if (literal.includes("\\u") && /\p{Surrogate}/u.test(value)) throw this.#error("lone surrogate in hex escape");
    this.#at = end + 1;
    return value;
  }

  /** Position of the next quote that no backslash escapes. */
  #closingQuote(): number {
    for (let from = this.#at + 1; ;) {
      const quote = this.#text.indexOf('"', from);
      if (quote === -1) {
        this.#at = this.#text.length;
        throw this.#error("EOF while parsing a string");
      }
      let backslashes = 0;
      while (this.#text[quote - 1 - backslashes] === "\\") backslashes += 1;
      if (backslashes % 2 === 0) return quote;
      from = quote + 1;
    }
  }

  #number(): bigint | number {
    const integer = this.#match(integerPattern);
    if (integer !== undefined) {
      if (integer.length > maxIntegerDigits) throw this.#error("number out of range");
      return BigInt(integer);
    }
    const number = this.#match(numberPattern);
    if (number !== undefined) return Number(number);
    throw this.#error(/[-\d]/.test(this.#text[this.#at] ?? "") ? "invalid number" : "expected value");
  }

  /** The match of a sticky pattern here, which is then behind us. */
  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text)?.[0];
    this.#at += match?.length ?? 0;
    return match;
  }

  /** Skips white space; undefined at the end. */
  #next(): string | undefined {
    for (; this.#at < this.#text.length; this.#at++) {
      const char = this.#text[this.#at];
      if (char !== " " && char !== "\n" && char !== "\t" && char !== "\r") return char;
    }
    return undefined;
  }

  #skip(char: string): boolean {
    const isNext = this.#next() === char;
    if (isNext) this.#at += 1;
    return isNext;
  }

  #unexpected(where: string, problem: string): JsonError {
    return this.#error(this.#next() === undefined ? `EOF while parsing ${where}` : problem);
  }

  /** Lines and columns from 1; the end of the text counts as its last column. */
  #error(problem: string): JsonError {
    const before = this.#text.slice(0, Math.min(this.#at + 1, this.#text.length));
    const line = before.split("\n").length;
    return new JsonError(`${problem} at line ${line} column ${before.length - (before.lastIndexOf("\n") + 1)}`);
  }
}

function parseLiteral(literal: string): string | undefined {
  try {
    return JSON.parse(literal) as string; // begins and ends with a quote: nothing else comes out
  } catch {
    return undefined;
  }
}
