/** Requests whose answers are compared, and others that come and go beside them. */
import { complete } from "./engine.js";
import { Random } from "./random.js";

/** All that can be told about tokens. */
export const everything = { promptTokens: true, completionTokens: true, logprobs: true, ranks: true, topN: 3 };

function text(seed: number, count: number): string {
  const words = ["the ", "whale ", "torch ", "1 ", "GPT", "config ", "and "];
  const pick = new Random(seed);
  return Array.from({ length: count }, () => pick.pick(words)).join("");
}

const details = everything;
export const targets = [
  { prompt: text(1, 60), maxNewTokens: 24, details },
  { prompt: text(2, 200), maxNewTokens: 24, method: "sample", seed: 11n, temperature: 0.9, topK: 40, details },
  { prompt: text(3, 5), maxNewTokens: 40, method: "sample", seed: 12n, topP: 0.8, repetitionPenalty: 1.2, details },
  { prompt: text(4, 30), maxNewTokens: 24, method: "sample", seed: 13n, typicalP: 0.7 },
] as const;

/** Other requests that come and go while the targets run: some are cancelled on the way. */
export async function disturb(
  engine: Parameters<typeof complete>[0],
  count: number,
  until: Promise<unknown>,
): Promise<void> {
  const pick = new Random(count);
  let isOver = false;
  void until.then(() => (isOver = true));
  const one = async (): Promise<void> => {
    while (!isOver) {
      const patience = new AbortController();
      const asked = { prompt: text(pick.integer(0, 1000), pick.integer(1, 120)), maxNewTokens: pick.integer(1, 20) };
      const seed = BigInt(pick.integer(0, 1000));
      const sampled = pick.chance(0.5) ? ({ method: "sample", seed, topK: 9 } as const) : {};
      if (pick.chance(0.3)) setTimeout(() => patience.abort(), pick.integer(0, 20));
      await complete(engine, { ...asked, ...sampled }, patience.signal).catch(() => undefined);
    }
  };
  await Promise.all(Array.from({ length: count }, one));
}
