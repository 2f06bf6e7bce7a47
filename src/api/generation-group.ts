import type { Caller } from "../engine/observer.js";
import type { GenerationEvent, UncheckedRequest } from "../engine/request.js";
import { CancelledError } from "../errors.js";
import type { TextEngine } from "./text-engine.js";

/** The generations that make up one answer: they end together when one of them fails or the client goes away. */
export class GenerationGroup {
  readonly #generations: readonly AsyncIterable<GenerationEvent>[];
  readonly #end = new AbortController();

  /** @param call aborted when the client goes away. */
  constructor(engine: TextEngine, requests: readonly UncheckedRequest[], call: AbortSignal, caller: Caller) {
    // One alone ends by itself when it fails, or when nobody reads it any more.
    const signal = requests.length === 1 ? call : AbortSignal.any([call, this.#end.signal]);
    this.#generations = requests.map((request, index) =>
      engine.generate(request, signal, callerAt(caller, index, requests.length)),
    );
  }

  /** @throws what `work` throws, once the generations are told to end. */
  async run<T>(work: (generations: readonly AsyncIterable<GenerationEvent>[]) => Promise<T>): Promise<T> {
    try {
      return await work(this.#generations);
    } catch (error) {
      this.#stop();
      throw error;
    }
  }

  /** Items made of the generations, which end with them. */
  async *follow<T>(items: AsyncIterable<T>): AsyncGenerator<T> {
    try {
      yield* items;
    } finally {
      this.#stop();
    }
  }

  #stop(): void {
    this.#end.abort(new CancelledError("the rest of the answer is not needed any more"));
  }
}

/** In an answer of several, each has its place. */
function callerAt(caller: Caller, index: number, size: number): Caller {
  if (size === 1) return caller;
  return { ...caller, kind: caller.kind === "stream" ? "stream" : "batch", batch: { index, size } };
}
