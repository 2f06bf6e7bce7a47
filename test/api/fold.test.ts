import { expect, test } from "vitest";
import { foldEvents } from "../../src/api/fold.js";
import type { GenerationEvent, TokenDetail } from "../../src/engine/request.js";

const token = (piece: string): TokenDetail => ({ id: 0, piece, logprob: 0, rank: 0, top: [] });

async function* play(events: readonly GenerationEvent[]) {
  await Promise.resolve();
  yield* events;
}

test("joins texts and tokens, and keeps the last count and the stop", async () => {
  const events: GenerationEvent[] = [
    { type: "started", promptTokens: 2, seed: 7n, text: "in " },
    { type: "prompt", tokens: [token("i"), token("n")] },
    { type: "tokens", text: "ou", tokens: [token("o")], completionTokens: 1 },
    {
      type: "tokens",
      text: "t",
      tokens: [token("t")],
      completionTokens: 2,
      stop: { reason: "stop-sequence", sequence: "t" },
    },
  ];
  expect(await foldEvents(play(events))).toEqual({
    text: "in out",
    promptTokens: 2,
    completionTokens: 2,
    stop: { reason: "stop-sequence", sequence: "t" },
    seed: 7n,
    promptTokenDetails: [token("i"), token("n")],
    completionTokenDetails: [token("o"), token("t")],
  });
});

test("a generation whose time was over before its first token has no text, not even the prompt's, and no seed", async () => {
  const stop = { reason: "time-limit" } as const;
  const started = { type: "started", promptTokens: 2, seed: 7n, text: "in " } as const;
  const none = [started, { type: "tokens", text: "", tokens: [], completionTokens: 0, stop } as const];
  const one = [started, { type: "tokens", text: "", tokens: [], completionTokens: 1, stop } as const];
  expect(await foldEvents(play(none))).toMatchObject({
    text: "",
    seed: 0n,
    promptTokens: 2,
    completionTokens: 0,
    stop,
  });
  expect(await foldEvents(play(one))).toMatchObject({ text: "in ", seed: 7n, completionTokens: 1, stop });
});

test("takes events that end without a stop for the bug that they are", async () => {
  const events: GenerationEvent[] = [{ type: "started", promptTokens: 2, seed: 7n, text: "" }];
  await expect(foldEvents(play(events))).rejects.toMatchObject({ kind: "internal" });
});
