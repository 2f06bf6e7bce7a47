import type { Generation } from "../../fold.js";

/**
 * The candidates to tell: of each prompt's, the ones with the highest mean log-probability per token, best first. Of
 * equal ones, the earlier seed goes first.
 *
 * @param generations the candidates of the first prompt, then those of the second, and so on.
 * @param candidates how many each prompt has.
 * @param n how many of them are told; all of them stay in their order.
 */
export function bestOf(generations: readonly Generation[], candidates: number, n: number): readonly Generation[] {
  if (candidates === n) return generations;
  const chosen: Generation[] = [];
  for (let start = 0; start < generations.length; start += candidates) {
    const ranked = generations
      .slice(start, start + candidates)
      .map((generation) => ({ generation, score: meanLogprob(generation) }))
      .sort((a, b) => b.score - a.score);
    chosen.push(...ranked.slice(0, n).map(({ generation }) => generation));
  }
  return chosen;
}

/** One without tokens (its time was up) is the worst. */
function meanLogprob({ completionTokenDetails: tokens }: Generation): number {
  if (tokens.length === 0) return -Number.MAX_VALUE; // finite, so that two of them compare as equal
  return tokens.reduce((sum, { logprob }) => sum + logprob, 0) / tokens.length;
}
