const replacementCharacter = "\ufffd";

/**
 * Turns the bytes of tokens into text and hands it out as soon as it is final, and never before. Held back are
 *
 * - an incomplete UTF-8 character at the end;
 * - U+FFFD at the end, which stands for bytes that are no UTF-8: such a tail is removed from the finished text;
 * - with `includeStopSequence` false, an end that may yet become a stop sequence.
 *
 * All that is handed out, joined, is the text decoded in one go. A token costs time in proportion to its own
 * length and what is held back, not to the text so far.
 */
export class Detokenizer {
  readonly #includeStopSequence: boolean;
  readonly #matchers: readonly StopMatcher[];
  // A U+FEFF that the model wrote is text, not a mark to strip.
  readonly #utf8 = new TextDecoder("utf-8", { ignoreBOM: true });
  /** How many U+FFFD end the text; they are not in `#tail` yet. */
  #replacementRun = 0;
  /** Final text that was not taken yet. */
  #final = "";
  /** Text after it: what is held back and what the last push added. */
  #tail = "";
  #isCut = false;

  /** @param stopSequences in the order in which they are matched; none of them empty. */
  constructor(stopSequences: readonly string[], includeStopSequence: boolean) {
    this.#includeStopSequence = includeStopSequence;
    this.#matchers = stopSequences.map((stopSequence) => new StopMatcher(stopSequence));
  }

  /** Adds the bytes of one token. */
  push(bytes: Uint8Array): void {
    this.#settle();
    const added = this.#decode(bytes);
    this.#tail += added;
    for (const matcher of this.#matchers) matcher.advance(added);
  }

  /**
   * Looks for a stop sequence that ends in what the last push added, and cuts the text there: after it when it is to
   * be included, before it otherwise. Of several sequences the first in the order of the request counts, of several
   * places the last. Without a call the text is not looked at, and this part of it never will be.
   * @returns the stop sequence; undefined when there is none.
   */
  matchStopSequence(): string | undefined {
    const matcher = this.#matchers.find(({ charactersSinceMatch }) => charactersSinceMatch !== undefined);
    if (matcher?.charactersSinceMatch === undefined) return undefined;
    const end = this.#tail.length - matcher.charactersSinceMatch;
    this.#tail = this.#tail.slice(0, this.#includeStopSequence ? end : end - matcher.pattern.length);
    this.#isCut = true;
    return matcher.stopSequence;
  }

  /** The text that has become final since the last call. */
  takeFinal(): string {
    this.#settle();
    const text = this.#final;
    this.#final = "";
    return text;
  }

  /** The rest of the text, once there are no more tokens. */
  finish(): string {
    const text = this.takeFinal() + this.#tail;
    this.#tail = "";
    return text;
  }

  /** The characters that are complete now, without a U+FFFD at their end. */
  #decode(bytes: Uint8Array): string {
    const decoded = this.#utf8.decode(bytes, { stream: true });
    let end = decoded.length;
    while (end > 0 && decoded[end - 1] === replacementCharacter) end--;
    const trailing = decoded.length - end;
    if (end === 0) {
      this.#replacementRun += trailing;
      return "";
    }
    const text = replacementCharacter.repeat(this.#replacementRun) + decoded.slice(0, end);
    this.#replacementRun = trailing;
    return text;
  }

  #settle(): void {
    const held = this.#includeStopSequence || this.#isCut ? 0 : this.#longestPartialMatch();
    const end = this.#tail.length - held;
    this.#final += this.#tail.slice(0, end);
    this.#tail = this.#tail.slice(end);
  }

  #longestPartialMatch(): number {
    return this.#matchers.reduce((longest, { matched }) => Math.max(longest, matched), 0);
  }
}

/** Follows one stop sequence through the text, character by character (Knuth, Morris and Pratt, 1977). */
class StopMatcher {
  /** What is looked for: half of a surrogate pair, which no text has, is what UTF-8 makes of it. */
  readonly pattern: string;
  /** For each length of a beginning of the pattern: the longest shorter beginning that it ends with. */
  readonly #fallback: readonly number[];
  /** The longest end of the text that is a proper beginning of the pattern, in UTF-16 units. */
  matched = 0;
  /** How far before the end of the text the last match in the last `advance` ended; undefined when there was none. */
  charactersSinceMatch: number | undefined;

  constructor(readonly stopSequence: string) {
    this.pattern = Buffer.from(stopSequence).toString();
    this.#fallback = fallbackTable(this.pattern);
  }

  advance(text: string): void {
    this.charactersSinceMatch = undefined;
    for (let i = 0; i < text.length; i++) {
      this.matched = this.#lengthAfter(text[i]);
      if (this.matched < this.pattern.length) continue;
      this.charactersSinceMatch = text.length - i - 1;
      this.matched = this.#fallback[this.matched] ?? 0;
    }
  }

  #lengthAfter(character: string | undefined): number {
    let length = this.matched;
    while (length > 0 && this.pattern[length] !== character) length = this.#fallback[length] ?? 0;
    return this.pattern[length] === character ? length + 1 : 0;
  }
}

function fallbackTable(pattern: string): number[] {
  const table = [0, 0];
  for (let length = 1, shorter = 0; length < pattern.length; length++) {
    while (shorter > 0 && pattern[length] !== pattern[shorter]) shorter = table[shorter] ?? 0;
    if (pattern[length] === pattern[shorter]) shorter++;
    table.push(shorter);
  }
  return table;
}
