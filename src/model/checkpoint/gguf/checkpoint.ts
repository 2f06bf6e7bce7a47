/** A GGUF file as a checkpoint, and its tokenizer: both from the one file. */
import { inContext } from "../messages.js";
import type { Checkpoint } from "../checkpoint.js";
import type { TokenizerDefinition } from "../tokenizer-files.js";
import { readGguf } from "./gguf.js";
import { gpt2ConfigOf, gpt2TensorsOf } from "./gpt2.js";
import { ggufTokenizer } from "./tokenizer.js";

/**
 * @param path absolute.
 * @throws {CheckpointError} when the file cannot be read, contradicts itself or holds no GPT-2.
 */
export function openGgufCheckpoint(path: string): Checkpoint {
  const gguf = readGguf(path);
  const { folder, file } = gguf;
  return inContext(file, () => ({
    folder,
    config: gpt2ConfigOf(gguf),
    generationConfig: undefined,
    tensors: gpt2TensorsOf(gguf),
  }));
}

/** @throws {CheckpointError} when the file cannot be read, or has no tokenizer like GPT-2's. */
export function readGgufTokenizer(path: string): TokenizerDefinition {
  const { file, metadata } = readGguf(path);
  return inContext(file, () => ggufTokenizer(metadata));
}
