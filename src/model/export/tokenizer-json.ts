/**
 * A tokenizer that was no file of its own, as the files that transformers reads: with every field that the `tokenizers`
 * library asks for, of which Ortler needs few.
 * Source: https://github.com/huggingface/tokenizers (`#[derive(Deserialize)]` of each part).
 */
import { isJsonObject, type JsonObject } from "../checkpoint/json.js";
import type { TokenizerDefinition } from "../checkpoint/tokenizer-files.js";

/** `tokenizer.json`. */
export function tokenizerJson({ json, addedTokens }: TokenizerDefinition): JsonObject {
  const { model, pre_tokenizer: preTokenizer, decoder, post_processor: postProcessor, normalizer } = json;
  const bpe = {
    dropout: null,
    unk_token: null,
    continuing_subword_prefix: null,
    end_of_word_suffix: null,
    fuse_unk: false,
    byte_fallback: false,
  };
  const byteLevel = { add_prefix_space: true, trim_offsets: true, use_regex: true };
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: addedTokens.map((token) => ({ ...token, single_word: false })),
    normalizer,
    pre_tokenizer: { ...byteLevel, ...asObject(preTokenizer) },
    post_processor: completeTemplate(postProcessor, addedTokens),
    decoder: { ...byteLevel, ...asObject(decoder) },
    model: { ...bpe, ...asObject(model) },
  };
}

/** `tokenizer_config.json`. The class is the one that takes `tokenizer.json` at its word. */
export function tokenizerConfig(
  { beginOfText, endOfText, chatTemplate }: TokenizerDefinition,
  maxTokens: number,
): JsonObject {
  const templates = Array.from(chatTemplate?.sources ?? [], ([name, template]) => ({ name, template }));
  const [first] = templates;
  const isAlone = templates.length === 1 && first?.name === "default";
  return {
    tokenizer_class: "PreTrainedTokenizerFast",
    model_max_length: maxTokens,
    clean_up_tokenization_spaces: false,
    ...{ bos_token: beginOfText, eos_token: endOfText },
    ...chatTemplate?.specialTokens,
    ...(first !== undefined && { chat_template: isAlone ? first.template : templates }),
  };
}

/** Tokens around a text are named with their ids, and stand around two texts as around one. */
function completeTemplate(processor: unknown, addedTokens: TokenizerDefinition["addedTokens"]): JsonObject | null {
  if (!isJsonObject(processor) || !Array.isArray(processor["single"])) return null;
  const single: readonly unknown[] = processor["single"];
  const second = single.map((part) =>
    isJsonObject(part) && "Sequence" in part ? { Sequence: { id: "B", type_id: 1 } } : part,
  );
  const tokens = addedTokens.map(({ id, content }) => [content, { id: content, ids: [id], tokens: [content] }]);
  return { ...processor, pair: [...single, ...second], special_tokens: Object.fromEntries(tokens) as JsonObject };
}

function asObject(value: unknown): JsonObject {
  return isJsonObject(value) ? value : {};
}
