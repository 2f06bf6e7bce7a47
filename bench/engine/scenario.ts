import path from "node:path";
import { gpt2Small, randomCheckpoint, type Gpt2Sizes } from "../checkpoint.js";

/** How much is measured, on which model. */
export interface Scenario {
  readonly checkpoint: { readonly name: string; readonly sizes: Gpt2Sizes; readonly tokenizerFolder: string };
  /** Sequences at the same time, ascending. */
  readonly sequences: readonly number[];
  readonly promptTokens: number;
  readonly newTokens: number;
  /** Over the throughput variants. */
  readonly rounds: number;
  readonly firstTokens: number;
  readonly starts: number;
}

const fixtures = path.join("test", "fixtures");

export const fullScenario: Scenario = {
  checkpoint: { name: "gpt2-124m", sizes: gpt2Small, tokenizerFolder: path.join(fixtures, "gpt2-vocab") },
  sequences: [1, 8, 32],
  promptTokens: 128,
  newTokens: 48,
  rounds: 7,
  firstTokens: 21,
  starts: 7,
};

/** One short round of everything: whether the benchmark works, on any machine. */
export const smokeScenario: Scenario = {
  checkpoint: {
    name: "smoke",
    sizes: { layers: 2, heads: 4, width: 64, positions: 512, vocabularySize: 600 },
    tokenizerFolder: path.join(fixtures, "micro-gpt2"),
  },
  sequences: [1, 8, 32],
  promptTokens: 32,
  newTokens: 48,
  rounds: 1,
  firstTokens: 1,
  starts: 1,
};

/** The scenario's checkpoint, made on first use. */
export async function checkpointOf({ checkpoint }: Scenario, folder: string): Promise<string> {
  return randomCheckpoint(path.join(folder, checkpoint.name), checkpoint.sizes, checkpoint.tokenizerFolder);
}
