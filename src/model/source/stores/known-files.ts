/** The names that a checkpoint's files have: what is asked for where a folder cannot be listed. */

/** transformers' own names. */
export const knownFiles: readonly string[] = [
  "config.json",
  "generation_config.json",
  "tokenizer.json",
  "tokenizer_config.json",
  "special_tokens_map.json",
  "added_tokens.json",
  "vocab.json",
  "merges.txt",
  "chat_template.jinja",
  "model.safetensors",
  "model.safetensors.index.json",
  "pytorch_model.bin",
  "pytorch_model.bin.index.json",
];

/** Whether the file names the files that the weights are spread over. */
export function isWeightIndex(path: string): boolean {
  return path.endsWith(".index.json");
}
