/** Checkpoints of a real model's size, for whom there is no real model: made on first use, in the working folder. */
import path from "node:path";
import { gpt2Small, randomCheckpoint } from "../checkpoint.js";
import { widenedCheckpoint } from "../widened-checkpoint.js";

export const madeCheckpoints = ["124m", "widened"] as const;

/**
 * @param programs folder of the built programs, beside that of the shipped model.
 * @returns its folder.
 */
export async function makeCheckpoint(name: (typeof madeCheckpoints)[number], programs: string): Promise<string> {
  const folder = path.join(".cache", "bench", `gpt2-${name}`);
  return name === "124m"
    ? randomCheckpoint(folder, gpt2Small)
    : widenedCheckpoint(folder, shippedModelBeside(programs), gpt2Small);
}

export const shippedModelBeside = (programs: string): string => path.join(programs, "..", "models", "tiny");
