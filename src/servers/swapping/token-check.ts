import type { Engine, UncheckedRequest } from "../../engine/index.js";

/** With its probability, for which the engine looks at all logits: weights that are broken give numbers that are none. */
const probe: UncheckedRequest = {
  prompt: "liveness",
  method: "greedy",
  maxNewTokens: 1,
  details: { completionTokens: true, logprobs: true },
};

/** Generates one token. @throws what the engine throws. */
export async function checkWithToken(engine: Pick<Engine, "generate">, signal: AbortSignal): Promise<void> {
  const events = engine.generate(probe, signal, { isProbe: true })[Symbol.asyncIterator]();
  while ((await events.next()).done !== true);
}
