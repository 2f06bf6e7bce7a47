/** The names that a checkpoint's files have: transformers' own. */

/** Configuration, tokenizer, chat template. */
export const smallFiles = [
  "config.json",
  "generation_config.json",
  "tokenizer.json",
  "tokenizer_config.json",
  "special_tokens_map.json",
  "added_tokens.json",
  "vocab.json",
  "merges.txt",
  "chat_template.jinja",
] as const;

/** The weights in one file, or in those that an index names. */
export const weightFiles = {
  safetensors: { file: "model.safetensors", index: "model.safetensors.index.json" },
  pytorch: { file: "pytorch_model.bin", index: "pytorch_model.bin.index.json" },
} as const;

/** In the order in which transformers looks. */
export const weightFormats = [weightFiles.safetensors, weightFiles.pytorch] as const;
