/**
 * Reads a tokenizer's files into one definition, in the layout of `tokenizer.json`. Old GPT-2 checkpoints have
 * `vocab.json` and `merges.txt` instead; in both layouts `tokenizer_config.json` and the files beside it may add
 * tokens and change how text is encoded, as transformers does when it loads them (tokenization_utils_tokenizers.py).
 */
import { CheckpointError } from "../../errors.js";
import { collectAddedTokens, tokenContent, type AddedToken } from "./added-tokens.js";
import { readChatTemplate, type ChatTemplate } from "./chat-template.js";
import { isJsonObject, readJsonObject, readOptionalJsonObject, readOptionalText, type JsonObject } from "./json.js";

export interface TokenizerDefinition {
  /** As in `tokenizer.json`, `added_tokens` complete. */
  readonly json: JsonObject;
  readonly addedTokens: readonly AddedToken[];
  readonly beginOfText: string | undefined;
  readonly endOfText: string | undefined;
  readonly chatTemplate: ChatTemplate | undefined;
}

/** GPT-2's tokenizer classes use it for every role that no file names. */
const gpt2EndOfText = "<|endoftext|>";

/** @throws {CheckpointError} when there is no tokenizer, or it has something that would be encoded otherwise here. */
export async function readTokenizerFiles(folder: string): Promise<TokenizerDefinition> {
  const json = (await readOptionalJsonObject(folder, "tokenizer.json")) ?? (await readVocabularyAndMerges(folder));
  const config = {
    ...(await readOptionalJsonObject(folder, "special_tokens_map.json")),
    ...(await readOptionalJsonObject(folder, "tokenizer_config.json")),
  };
  const vocabulary = checkModel(json["model"]);
  checkConfig(config);
  const listed = { json, config, file: await readOptionalJsonObject(folder, "added_tokens.json") };
  const addedTokens = collectAddedTokens(vocabulary, listed);
  const byDefault = gpt2EndOfText in vocabulary ? gpt2EndOfText : undefined;
  const beginOfText = tokenContent(config["bos_token"]) ?? byDefault;
  const endOfText = tokenContent(config["eos_token"]) ?? byDefault;
  return {
    json: {
      normalizer: json["normalizer"] ?? null,
      pre_tokenizer: preTokenizer(json["pre_tokenizer"], config["add_prefix_space"]),
      post_processor: postProcessor(json["post_processor"], config, beginOfText, endOfText),
      decoder: json["decoder"] ?? null,
      model: json["model"],
      added_tokens: addedTokens,
    },
    addedTokens,
    beginOfText,
    endOfText,
    chatTemplate: await readChatTemplate(folder, withDefaults(config, byDefault)),
  };
}

/** The roles that GPT-2's classes give a token by themselves. */
function withDefaults(config: JsonObject, endOfText: string | undefined): JsonObject {
  const roles = ["bos_token", "eos_token", "unk_token"];
  return { ...config, ...Object.fromEntries(roles.map((role) => [role, config[role] ?? endOfText])) };
}

async function readVocabularyAndMerges(folder: string): Promise<JsonObject> {
  const merges = await readOptionalText(folder, "merges.txt");
  if (merges === undefined) {
    throw new CheckpointError("no tokenizer: expected tokenizer.json, or vocab.json and merges.txt");
  }
  const lines = merges.split(/\r?\n/).filter((line) => line !== "" && !line.startsWith("#version"));
  const vocab = await readJsonObject(folder, "vocab.json");
  return {
    pre_tokenizer: { type: "ByteLevel", add_prefix_space: false, use_regex: true },
    decoder: { type: "ByteLevel" },
    model: { type: "BPE", vocab, merges: lines },
    added_tokens: gpt2EndOfText in vocab ? [{ id: vocab[gpt2EndOfText], content: gpt2EndOfText, special: true }] : [],
  };
}

/** The vocabulary of a BPE model that the tokenizer package encodes as the reference does. */
function checkModel(model: unknown): JsonObject {
  if (!isJsonObject(model)) throw new CheckpointError("tokenizer: has no model");
  if (model["type"] !== "BPE") throw new CheckpointError(`tokenizer: model ${show(model["type"])} must be "BPE"`);
  if (!Array.isArray(model["merges"])) throw new CheckpointError("tokenizer: model has no merges");
  for (const field of ["dropout", "continuing_subword_prefix", "end_of_word_suffix"]) {
    if (![undefined, null, "", 0].some((harmless) => harmless === model[field])) {
      throw new CheckpointError(`tokenizer: ${field} ${show(model[field])} is not supported`);
    }
  }
  const { vocab } = model;
  if (!isJsonObject(vocab)) throw new CheckpointError("tokenizer: model has no vocabulary");
  return vocab;
}

function checkConfig(config: JsonObject): void {
  if (config["split_special_tokens"] === true) {
    throw new CheckpointError("tokenizer_config.json: split_special_tokens true is not supported");
  }
}

/** `add_prefix_space` of tokenizer_config.json goes before that of tokenizer.json. */
function preTokenizer(own: unknown, addPrefixSpace: unknown): unknown {
  if (typeof addPrefixSpace !== "boolean" || !isJsonObject(own) || !("add_prefix_space" in own)) return own ?? null;
  return { ...own, add_prefix_space: addPrefixSpace };
}

/** What surrounds a prompt: `add_bos_token` and `add_eos_token`, if true, go before tokenizer.json's own template. */
function postProcessor(own: unknown, config: JsonObject, bos: string | undefined, eos: string | undefined): unknown {
  const { add_bos_token: addBos, add_eos_token: addEos } = config;
  if (addBos !== true && addEos !== true) return own ?? null;
  const surround = (flag: unknown, role: string, id: string | undefined) => {
    if (flag !== true) return [];
    if (id === undefined)
      throw new CheckpointError(`tokenizer_config.json: add_${role} is true, but there is no ${role}`);
    return [{ SpecialToken: { id, type_id: 0 } }];
  };
  const single = [
    ...surround(addBos, "bos_token", bos),
    { Sequence: { id: "A", type_id: 0 } },
    ...surround(addEos, "eos_token", eos),
  ];
  return { type: "TemplateProcessing", single, pair: [], special_tokens: {} };
}

function show(value: unknown): string {
  return JSON.stringify(value);
}
