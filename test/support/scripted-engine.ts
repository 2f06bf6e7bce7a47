import type { GenerationEvent, UncheckedRequest } from "../../src/engine/request.js";
import type { TextEngine } from "../../src/api/text-engine.js";

/** What a generation does: called once for each request. */
export type Script = (request: UncheckedRequest, signal: AbortSignal) => AsyncIterable<GenerationEvent>;

/** An engine that plays a script and remembers what it was asked. One token for each character, in `tokenize` too. */
export class ScriptedEngine implements TextEngine {
  readonly requests: UncheckedRequest[] = [];
  readonly signals: AbortSignal[] = [];
  script: Script = playing(hello);

  generate(request: UncheckedRequest, signal: AbortSignal): AsyncIterable<GenerationEvent> {
    this.requests.push(request);
    this.signals.push(signal);
    return this.script(request, signal);
  }

  /** It takes any number. */
  checkCapacity(): void {
    return undefined;
  }

  tokenize(text: string): readonly number[] {
    return Array.from(text, (_, index) => index);
  }
}

/** Ten prompt tokens, then five tokens in two events. */
export const hello: readonly GenerationEvent[] = [
  { type: "started", promptTokens: 10, seed: 0n, text: "" },
  { type: "tokens", text: "74 dég", tokens: [], completionTokens: 2 },
  { type: "tokens", text: "rees F", tokens: [], completionTokens: 5, stop: { reason: "eos" } },
];

/** Plays the events at once. */
export function playing(events: readonly GenerationEvent[]): Script {
  return async function* () {
    await Promise.resolve();
    yield* events;
  };
}

/** Fails on the first `next()`. */
export function failing(error: unknown): Script {
  return async function* () {
    await Promise.resolve();
    yield* [];
    throw error;
  };
}

/** Starts, then generates nothing until its signal is aborted, and throws the reason. */
export const hanging: Script = async function* (_request, signal) {
  yield { type: "started", promptTokens: 1, seed: 0n, text: "" };
  await aborted(signal);
  throw signal.reason;
};

/** Resolves once the signal is aborted. */
export async function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}
