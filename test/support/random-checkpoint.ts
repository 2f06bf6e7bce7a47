import path from "node:path";
import { randomCheckpoint, type Gpt2Sizes } from "../../bench/checkpoint.js";
import { fixtures } from "./reference.js";

/**
 * Fewer heads than threads, and more positions than one block of the attention kernel (L2 bytes / (32 x head size):
 * 512 positions for an L2 of 2 MiB).
 */
const longContext: Gpt2Sizes = { layers: 2, heads: 2, width: 256, positions: 2048, vocabularySize: 600 };
/** Heads wider than the slices in which the attention kernel's matrix products add up. */
const wideHeads: Gpt2Sizes = { layers: 2, heads: 2, width: 512, positions: 512, vocabularySize: 600 };

/** Random GPT-2s with micro-gpt2's tokenizer, written once for all test runs. */
export const longContextCheckpoint = (): Promise<string> => checkpoint("long-context", longContext);
export const wideHeadsCheckpoint = (): Promise<string> => checkpoint("wide-heads", wideHeads);

const checkpoint = (name: string, sizes: Gpt2Sizes): Promise<string> =>
  randomCheckpoint(path.join(".cache", "test", name), sizes, `${fixtures}/micro-gpt2`);
