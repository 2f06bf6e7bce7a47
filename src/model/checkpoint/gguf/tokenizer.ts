/**
 * The tokenizer that a GGUF file has in its metadata, in the layout of `tokenizer.json`: the code that serves a
 * tokenizer from a Hugging Face folder serves this one.
 * Source: set_vocab and get_vocab_base in llama.cpp's convert_hf_to_gguf.py, SpecialVocab in gguf-py.
 */
import { CheckpointError } from "../../../errors.js";
import { collectAddedTokens } from "../added-tokens.js";
import type { ChatTemplate } from "../chat-template.js";
import type { JsonObject } from "../json.js";
import { quote } from "../messages.js";
import type { TokenizerDefinition } from "../tokenizer-files.js";
import type { GgufMetadata } from "./metadata.js";

/** llama.cpp's token types that matter here (enum llama_token_type); all others are text like `normal`. */
const tokenTypes = { normal: 1, control: 3, userDefined: 4, unused: 5 } as const;
/** GPT-2's tokenizer classes use it for every role that no file names. */
const gpt2EndOfText = "<|endoftext|>";
const defaultTemplate = "tokenizer.chat_template";

/** @throws {CheckpointError} when there is none, or it would split text otherwise than GPT-2's, or contradicts itself. */
export function ggufTokenizer(metadata: GgufMetadata): TokenizerDefinition {
  checkKind(metadata);
  const tokens = metadata.strings("tokenizer.ggml.tokens");
  if (tokens === undefined) throw new CheckpointError("metadata has no tokenizer.ggml.tokens");
  const named = namedRoles(metadata, tokens);
  const types = typesOf(metadata, tokens, new Set(named.values()));
  const vocab = vocabularyOf(tokens, types);
  const roles = rolesOf(named, tokens, Object.hasOwn(vocab, gpt2EndOfText));
  const listed = { added_tokens: addedTokensOf(tokens, types) };
  const addedTokens = collectAddedTokens(vocab, { json: listed, config: roles, file: undefined });
  return {
    json: {
      normalizer: null,
      pre_tokenizer: { type: "ByteLevel", add_prefix_space: false, use_regex: true },
      post_processor: postProcessorOf(metadata, roles),
      decoder: { type: "ByteLevel" },
      model: { type: "BPE", vocab, merges: mergesOf(metadata) },
      added_tokens: addedTokens,
    },
    addedTokens,
    beginOfText: roles["bos_token"],
    endOfText: roles["eos_token"],
    chatTemplate: chatTemplateOf(metadata, roles),
  };
}

/** Files from before llama.cpp named pre-tokenizers were split by GPT-2's pattern. */
function checkKind(metadata: GgufMetadata): void {
  const model = metadata.string("tokenizer.ggml.model");
  if (model === undefined) throw new CheckpointError("metadata has no tokenizer.ggml.model: the file has no tokenizer");
  if (model !== "gpt2") throw new CheckpointError(`tokenizer.ggml.model must be 'gpt2', got ${quote(model)}`);
  const pre = metadata.string("tokenizer.ggml.pre") ?? "gpt-2";
  if (pre !== "gpt-2") {
    throw new CheckpointError(
      `tokenizer.ggml.pre must be 'gpt-2', got ${quote(pre)}, which splits text otherwise; ` +
        "if the model was trained with GPT-2's tokenizer, say so with gguf_new_metadata.py --pre-tokenizer gpt-2",
    );
  }
}

/** A token with a role is a control token, whatever it is said to be. */
function typesOf(metadata: GgufMetadata, tokens: readonly string[], withRole: ReadonlySet<number>): readonly number[] {
  const types = metadata.numbers("tokenizer.ggml.token_type") ?? tokens.map(() => tokenTypes.normal);
  if (types.length !== tokens.length) {
    throw new CheckpointError(`tokenizer.ggml.token_type has ${types.length} entries for ${tokens.length} tokens`);
  }
  return types.map((type, id) => (withRole.has(id) ? tokenTypes.control : type));
}

/** Unused ids fill the model's vocabulary up; they are no tokens. */
function vocabularyOf(tokens: readonly string[], types: readonly number[]): Readonly<Record<string, number>> {
  const ids = new Map<string, number>();
  for (const [id, token] of tokens.entries()) {
    if (types[id] === tokenTypes.unused) continue;
    const other = ids.get(token);
    if (other !== undefined) {
      throw new CheckpointError(`tokenizer.ggml.tokens has ${quote(token)} twice, as ${other} and ${id}`);
    }
    ids.set(token, id);
  }
  return Object.fromEntries(ids);
}

function addedTokensOf(tokens: readonly string[], types: readonly number[]): JsonObject[] {
  return tokens.flatMap((content, id) => {
    const isControl = types[id] === tokenTypes.control;
    if (!isControl && types[id] !== tokenTypes.userDefined) return [];
    return [{ id, content, special: isControl, normalized: false }];
  });
}

/** The two halves of a merge have no space in them: bytes are written as other characters. */
function mergesOf(metadata: GgufMetadata): readonly string[] {
  const merges = metadata.strings("tokenizer.ggml.merges");
  if (merges === undefined) throw new CheckpointError("metadata has no tokenizer.ggml.merges");
  const wrong = merges.findIndex((merge) => !/^[^ ]+ [^ ]+$/.test(merge));
  if (wrong === -1) return merges;
  throw new CheckpointError(
    `tokenizer.ggml.merges: entry ${wrong} must be two tokens with a space between, got ${quote(merges[wrong] ?? "")}`,
  );
}

/** Keys of metadata (one of them misspelt by the specification) and the role that the token has in transformers. */
const roleKeys = {
  bos_token: "tokenizer.ggml.bos_token_id",
  eos_token: "tokenizer.ggml.eos_token_id",
  unk_token: "tokenizer.ggml.unknown_token_id",
  sep_token: "tokenizer.ggml.seperator_token_id",
  pad_token: "tokenizer.ggml.padding_token_id",
  cls_token: "tokenizer.ggml.cls_token_id",
  mask_token: "tokenizer.ggml.mask_token_id",
} as const;

/** Ids by role. */
function namedRoles(metadata: GgufMetadata, tokens: readonly string[]): ReadonlyMap<string, number> {
  const ids = new Map<string, number>();
  for (const [role, key] of Object.entries(roleKeys)) {
    const id = metadata.integer(key);
    if (id === undefined) continue;
    if (id >= tokens.length) throw new CheckpointError(`${key} must be in [0, ${tokens.length}), got ${id}`);
    ids.set(role, id);
  }
  return ids;
}

/** Tokens by role, with GPT-2's own where the file names none. */
function rolesOf(
  named: ReadonlyMap<string, number>,
  tokens: readonly string[],
  hasEndOfText: boolean,
): Readonly<Record<string, string>> {
  const byDefault = hasEndOfText ? { bos_token: gpt2EndOfText, eos_token: gpt2EndOfText } : {};
  return { ...byDefault, ...Object.fromEntries(Array.from(named, ([role, id]) => [role, tokens[id] ?? ""])) };
}

function postProcessorOf(metadata: GgufMetadata, roles: Readonly<Record<string, string>>): JsonObject | null {
  const surround = (key: string, role: string): JsonObject[] => {
    if (metadata.boolean(key) !== true) return [];
    const id = roles[role];
    if (id === undefined) throw new CheckpointError(`${key} is true, but there is no ${role}`);
    return [{ SpecialToken: { id, type_id: 0 } }];
  };
  const before = surround("tokenizer.ggml.add_bos_token", "bos_token");
  const after = surround("tokenizer.ggml.add_eos_token", "eos_token");
  if (before.length + after.length === 0) return null;
  const single = [...before, { Sequence: { id: "A", type_id: 0 } }, ...after];
  return { type: "TemplateProcessing", single, pair: [], special_tokens: {} };
}

/** One template, and named ones where `tokenizer.chat_templates` lists their names. */
function chatTemplateOf(metadata: GgufMetadata, roles: Readonly<Record<string, string>>): ChatTemplate | undefined {
  const sources = new Map<string, string>();
  for (const name of ["default", ...(metadata.strings("tokenizer.chat_templates") ?? [])]) {
    const source = metadata.string(name === "default" ? defaultTemplate : `${defaultTemplate}.${name}`);
    if (source !== undefined) sources.set(name, source);
  }
  return sources.size === 0 ? undefined : { sources, specialTokens: roles };
}
