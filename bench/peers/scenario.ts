import path from "node:path";
import { gpt2Small } from "../checkpoint.js";
import type { Scenario as EngineScenario } from "../engine/scenario.js";

/** How much is measured, on which model. */
export interface PeerScenario extends Pick<
  EngineScenario,
  "checkpoint" | "sequences" | "promptTokens" | "newTokens" | "rounds" | "starts"
> {
  /** Of the prompt whose first token tells how fast prefill is. */
  readonly prefillTokens: number;
  /** That each one computes with. */
  readonly threads: number;
}

const fixtures = path.join("test", "fixtures");

export const fullScenario: PeerScenario = {
  checkpoint: { name: "gpt2-124m", sizes: gpt2Small, tokenizerFolder: path.join(fixtures, "gpt2-vocab") },
  sequences: [1, 8, 32],
  promptTokens: 128,
  newTokens: 48,
  prefillTokens: 256,
  rounds: 5,
  starts: 3,
  threads: 2,
};

/** One short round on a tiny model: whether the benchmark works with what is installed. */
export const smokeScenario: PeerScenario = {
  checkpoint: {
    name: "smoke",
    sizes: { layers: 2, heads: 4, width: 64, positions: 512, vocabularySize: 600 },
    tokenizerFolder: path.join(fixtures, "micro-gpt2"),
  },
  sequences: [1, 4],
  promptTokens: 16,
  newTokens: 24,
  prefillTokens: 32,
  rounds: 1,
  starts: 1,
  threads: 2,
};

/** Tokens of the longest sequence. */
export function contextTokens({ promptTokens, newTokens, prefillTokens }: PeerScenario): number {
  return Math.max(promptTokens + newTokens, prefillTokens + prefillNewTokens);
}

/** Decoding goes on behind the first token, as with a real request: it must not wait for the next step. */
export const prefillNewTokens = 4;

export function mostSequences({ sequences }: PeerScenario): number {
  return Math.max(...sequences);
}
