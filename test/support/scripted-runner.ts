import type { DecodeRow, PrefillRun, Runner, RunResult } from "../../src/engine/runner/runner.js";
import { resultWith } from "./logits.js";

/** A token is a character of ASCII, its id the character's code. */
export const vocabularySize = 128;
export const idsOf = (text: string): number[] => Array.from(text, (character) => character.charCodeAt(0));
export const textOf = (ids: readonly number[]): string => String.fromCharCode(...ids);

/**
 * What the model would say after `prompt + completion`: tokens, the most likely first. `broken` in place of a token
 * makes the whole row of logits NaN.
 */
export type Script = (prompt: string, completion: string) => string;
export const broken = "~";

/** Says the next letter of the alphabet, for ever. */
export const alphabet: Script = (prompt, completion) => {
  const last = (prompt + completion).charCodeAt(prompt.length + completion.length - 1) - 97;
  return String.fromCharCode(97 + ((last + 1) % 26));
};

/** Says the text, whatever the prompt, and then "$". */
export const saying =
  (text: string): Script =>
  (_prompt, completion) =>
    text[completion.length] ?? "$";

/** What is written at the positions [0, text.length) of a slot. */
interface CacheRow {
  /** Infinite as long as there was no prompt. */
  readonly promptLength: number;
  readonly text: string;
}

/**
 * A runner whose logits follow a script. It keeps a cache of characters, so what it answers depends, as with a model,
 * on what was written to the slot: a token fed to the wrong row, at the wrong position, or lost in a move changes the
 * completion. Positions must be written in order, one run at a time, and a result is good until the next run.
 */
export class ScriptedRunner implements Runner {
  /** Every call: `prefill 0 [0,2)`, `decode b@2 n@1`, `next c@3 o@2`, `copy 2>0`. */
  readonly calls: string[] = [];
  readonly #cache: CacheRow[];
  #run = 0;
  /** The first run whose result is still good. */
  #oldestResult = 0;
  /** What the decode after the last run would run; undefined when that was no decode. */
  #next: { readonly start: number; readonly rows: readonly DecodeRow[] } | undefined;
  #isRunning = false;
  #isHeld = false;
  #letGo: (() => void) | undefined;
  #failure: Error | undefined;

  constructor(
    slots: number,
    private readonly script: Script,
  ) {
    this.#cache = new Array<CacheRow>(slots).fill({ promptLength: Infinity, text: "" });
  }

  /** Runs launched from now on stay under way until `release` or `finishRun`. */
  hold(): void {
    this.#isHeld = true;
  }

  /** Lets everything run. */
  release(): void {
    this.#isHeld = false;
    this.#letGo?.();
  }

  /** Lets the run under way finish; resolves when the engine waits again: for the next run, or for a request. */
  async finishRun(): Promise<void> {
    if (this.#letGo === undefined) throw new Error("no run is held");
    this.#letGo();
    await quiet();
  }

  /** The run under way fails, or the next one. */
  failWith(error: Error): void {
    this.#failure = error;
  }

  prefill(run: PrefillRun): Promise<RunResult> {
    return this.#launch(`prefill ${run.slot} [${run.start},${run.end})`, () => this.#prefillRow(run));
  }

  prefillTogether(slot: number, prompts: readonly (readonly number[])[]): Promise<RunResult> {
    const runs = prompts.map((tokenIds, row): PrefillRun => {
      return { slot: slot + row, tokenIds, start: 0, end: tokenIds.length, wanted: "last" };
    });
    const shown = runs.map((run) => `${run.slot} [0,${run.end})`);
    return this.#launch(`prefill ${shown.join(", ")}`, () => runs.flatMap((run) => this.#prefillRow(run)));
  }

  #prefillRow({ slot, tokenIds, start, end, wanted }: PrefillRun): string[] {
    const prompt = textOf(tokenIds);
    if (start > 0 && !prompt.startsWith(this.#textBefore(slot, start))) throw new Error(`${prompt}: other beginning`);
    const before = this.#row(slot).promptLength;
    const promptLength = start >= before ? before : prompt.length; // tokens behind the prompt: a draft
    this.#cache[slot] = { promptLength, text: prompt.slice(0, end) };
    const first = { none: end, last: end - 1, all: start }[wanted];
    return Array.from({ length: end - first }, (_, index) => {
      const text = prompt.slice(0, first + index + 1);
      return this.script(text.slice(0, promptLength), text.slice(promptLength));
    });
  }

  decode(start: number, rows: readonly DecodeRow[]): Promise<RunResult> {
    const shown = rows.map(({ tokenId, position }) => `${textOf([tokenId])}@${position}`);
    const call = `decode ${start > 0 ? `from ${start}: ` : ""}${shown.join(" ")}`;
    return this.#launch(call, () => this.#decodeRows(start, rows));
  }

  decodeNext(): Promise<RunResult> | undefined {
    const next = this.#next;
    if (next === undefined) return undefined;
    const shown = next.rows.map(({ tokenId, position }) => `${textOf([tokenId])}@${position}`);
    const oldest = this.#run;
    const run = this.#launch(`next ${shown.join(" ")}`, () => this.#decodeRows(next.start, next.rows));
    this.#oldestResult = oldest; // the one before stays good
    return run;
  }

  copy(from: number, to: number, tokens: number): void {
    if (this.#isRunning) throw new Error("a copy while a run is under way");
    this.calls.push(`copy ${from}>${to}`);
    this.#cache[to] = { promptLength: this.#row(from).promptLength, text: this.#textBefore(from, tokens) };
  }

  #decodeRows(start: number, rows: readonly DecodeRow[]): string[] {
    const answers = rows.map((row, index) => this.#decodeRow(start + index, row));
    const next = rows.map(({ position }, row) => ({
      tokenId: answers[row]?.charCodeAt(0) ?? 0,
      position: position + 1,
    }));
    this.#next = { start, rows: next };
    return answers;
  }

  #decodeRow(slot: number, { tokenId, position }: DecodeRow): string {
    const { promptLength } = this.#row(slot);
    const text = this.#textBefore(slot, position) + textOf([tokenId]);
    this.#cache[slot] = { promptLength, text };
    // A row that ends within its prompt is a hole: whatever it gives, nobody may use it.
    return text.length <= promptLength ? broken : this.script(text.slice(0, promptLength), text.slice(promptLength));
  }

  async #launch(call: string, compute: () => string[]): Promise<RunResult> {
    if (this.#isRunning) throw new Error(`${call}: another run is under way`);
    this.calls.push(call);
    this.#isRunning = true;
    const run = (this.#run += 1);
    [this.#oldestResult, this.#next] = [run, undefined];
    try {
      if (this.#isHeld) await new Promise<void>((resolve) => (this.#letGo = resolve));
      else await Promise.resolve();
      this.#throwFailure();
      return this.#resultOf(run, compute().map(logitsOf));
    } finally {
      this.#isRunning = false;
      this.#letGo = undefined;
    }
  }

  #throwFailure(): void {
    const failure = this.#failure;
    this.#failure = undefined;
    if (failure !== undefined) throw failure;
  }

  #resultOf(run: number, rows: readonly Float32Array[]): RunResult {
    const rowAt = (index: number): Float32Array => {
      const row = rows[index];
      if (run < this.#oldestResult) throw new Error("a result was read after the next run had begun");
      if (row === undefined) throw new Error(`row ${index} was not wanted`);
      return row;
    };
    return resultWith(rowAt);
  }

  #row(slot: number): CacheRow {
    const row = this.#cache[slot];
    if (row === undefined) throw new Error(`there is no slot ${slot}`);
    return row;
  }

  #textBefore(slot: number, position: number): string {
    const { text } = this.#row(slot);
    if (position > text.length) throw new Error(`slot ${slot} holds ${text.length} tokens, not ${position}`);
    return text.slice(0, position);
  }
}

/** Resolves when everything that waits for nothing but promises has run. */
export const quiet = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function logitsOf(tokens: string): Float32Array {
  const row = new Float32Array(vocabularySize);
  for (const [rank, id] of idsOf(tokens).entries()) row[id] = 10 - rank;
  return tokens.startsWith(broken) ? row.fill(NaN) : row;
}
