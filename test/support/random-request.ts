/** Requests of all kinds, for engines that must answer them alike. */
import type { UncheckedRequest } from "../../src/engine/index.js";
import { everything } from "./disturbance.js";
import { Random } from "./random.js";

export type Asked = Partial<UncheckedRequest> & { readonly prompt: string };

/** A request with some of all that can be set; most have little, as most of a server's do. */
export function randomRequest(random: Random, index: number, prompts: readonly string[]): Asked {
  const some = <T>(probability: number, value: T): T | undefined => (random.chance(probability) ? value : undefined);
  return {
    prompt: random.pick(prompts) ?? "",
    maxNewTokens: random.integer(1, 24),
    method: random.pick(["greedy", "sample"] as const) ?? "greedy",
    seed: BigInt(index),
    temperature: some(0.5, random.pick([0.4, 0.8, 1.6])),
    topK: some(0.7, random.integer(1, 100)),
    topP: some(0.3, random.pick([0.5, 0.9])),
    typicalP: some(0.2, 0.7),
    repetitionPenalty: some(0.15, 1.2),
    lengthPenalty: some(0.1, { startIndex: 2, decayFactor: 1.5 }),
    frequencyPenalty: some(0.1, 0.5),
    presencePenalty: some(0.1, 0.5),
    logitBias: some(0.1, new Map([[random.integer(1, 600), 5]])),
    minNewTokens: some(0.15, 1),
    details: some(0.3, { ...everything, topN: random.integer(0, 4), logprobs: random.chance(0.5) }),
  };
}

export function randomRequests(seed: number, count: number, prompts: readonly string[]): Asked[] {
  const random = new Random(seed);
  return Array.from({ length: count }, (_each, index) => randomRequest(random, index, prompts));
}
