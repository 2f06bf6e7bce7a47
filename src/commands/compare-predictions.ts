import { SessionRunner } from "../engine/runner/session-runner.js";
import type { Model } from "../model/index.js";
import type { Window } from "../model/evaluation/windows.js";

export interface Prediction {
  /** The token that came. */
  readonly tokenId: number;
  /** What the model said before it, [vocabulary]. Valid until the next prediction is asked for. */
  readonly logits: Float32Array;
}

/** Tokens of a run: bounds the memory for its logits, 26 MB with a vocabulary of 50,000. */
const chunkTokens = 128;

/** What a model predicts for the scored tokens of the windows, one after the other; computed as it would serve them. */
export async function* predictions(
  model: Model,
  tokenIds: readonly number[],
  windows: readonly Window[],
): AsyncGenerator<Prediction, void, void> {
  const { session, shape, kvDtype } = model;
  const sizes = { slots: 1, maxLength: shape.positions, maxPrefillTokens: chunkTokens + 1 }; // the runner may pad by one
  using runner = new SessionRunner(session, shape, { ...sizes, kvDtype });
  for (const window of windows) yield* predictionsIn(runner, tokenIds.slice(window.start, window.end), window);
}

/** @param tokenIds the window's own. */
async function* predictionsIn(
  runner: SessionRunner,
  tokenIds: readonly number[],
  { start: offset, scoredFrom }: Window,
): AsyncGenerator<Prediction, void, void> {
  const firstWanted = scoredFrom - offset - 1; // a position predicts the token behind it
  const count = tokenIds.length - 1; // nothing in the window is behind the last: it is not run
  for (let start = 0; start < count; start += chunkTokens) {
    const end = Math.min(start + chunkTokens, count);
    const wanted = end > firstWanted ? "all" : "none";
    const result = await runner.prefill({ slot: 0, tokenIds, start, end, wanted });
    for (let position = Math.max(start, firstWanted); position < end; position += 1) {
      yield { tokenId: tokenIds[position + 1] ?? NaN, logits: result.logits(position - start) };
    }
  }
}
