/** Tokens that are found in a text before it is split: special tokens, and words that a fine-tune added. */
import { CheckpointError } from "../../errors.js";
import { isJsonObject, type JsonObject } from "./json.js";
import { quote } from "./messages.js";

/** With the field names of `tokenizer.json`. */
export interface AddedToken {
  readonly id: number;
  readonly content: string;
  /** Left out of the text. */
  readonly special: boolean;
  readonly lstrip: boolean;
  readonly rstrip: boolean;
  readonly normalized: boolean;
}

/** Where added tokens are listed; what comes first wins. */
export interface AddedTokenLists {
  /** `tokenizer.json`: `added_tokens`, an array. */
  readonly json: JsonObject;
  /** `tokenizer_config.json`: `added_tokens_decoder`, by id; and the tokens with a role, such as `eos_token`. */
  readonly config: JsonObject;
  /** `added_tokens.json`: ids by content. */
  readonly file: JsonObject | undefined;
}

/**
 * The added tokens, in order of their ids. A token with a role is special; one that has no id yet gets the next free
 * one, as in transformers.
 * @throws {CheckpointError} when an entry is not a token, or asks for matching that is not supported.
 */
export function collectAddedTokens(vocabulary: JsonObject, { json, config, file }: AddedTokenLists): AddedToken[] {
  const tokens = new Map<string, AddedToken>();
  const add = (value: unknown) => {
    const token = toAddedToken(value);
    if (!tokens.has(token.content)) tokens.set(token.content, token);
  };
  for (const entry of asArray(json["added_tokens"])) add(entry);
  for (const [id, entry] of asEntries(config["added_tokens_decoder"])) {
    add(isJsonObject(entry) ? { ...entry, id: Number(id) } : entry);
  }
  for (const [content, id] of asEntries(file)) add({ content, id });

  for (const role of tokensWithRole(config)) {
    const content = String(isJsonObject(role) ? role["content"] : role);
    const known = tokens.get(content);
    const id = known?.id ?? idInVocabulary(vocabulary, content) ?? nextFreeId(vocabulary, tokens);
    const fields = known ?? (isJsonObject(role) ? role : {});
    tokens.set(content, toAddedToken({ ...fields, content, id, special: true }));
  }
  return [...tokens.values()].sort((a, b) => a.id - b.id);
}

function toAddedToken(value: unknown): AddedToken {
  if (!isJsonObject(value)) throw new CheckpointError("tokenizer: an added token must be an object");
  const { id, content, single_word: singleWord } = value;
  if (typeof content !== "string" || content === "" || typeof id !== "number" || !Number.isSafeInteger(id) || id < 0) {
    throw new CheckpointError("tokenizer: an added token must have a content and a whole number as id");
  }
  if (singleWord === true) {
    throw new CheckpointError(`tokenizer: added token ${quote(content)}: single_word true is not supported`);
  }
  const special = value["special"] === true;
  return {
    id,
    content,
    special,
    lstrip: value["lstrip"] === true,
    rstrip: value["rstrip"] === true,
    normalized: typeof value["normalized"] === "boolean" ? value["normalized"] : !special,
  };
}

/** The keys of `tokenizer_config.json` that each name one token. */
export const tokenRoles = ["bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"];
const roleLists = ["additional_special_tokens", "extra_special_tokens"];

/** A token is named by its text, or by an object that also says how it matches. */
export function tokenContent(token: unknown): string | undefined {
  const content = isJsonObject(token) ? token["content"] : token;
  return typeof content === "string" ? content : undefined;
}

function tokensWithRole(config: JsonObject): unknown[] {
  const named = tokenRoles.map((role) => config[role] ?? undefined);
  const listed = roleLists.flatMap((list) => asArray(config[list]));
  return [...named, ...listed].filter((token) => token !== undefined);
}

function idInVocabulary(vocabulary: JsonObject, content: string): unknown {
  return Object.hasOwn(vocabulary, content) ? vocabulary[content] : undefined;
}

function nextFreeId(vocabulary: JsonObject, tokens: ReadonlyMap<string, AddedToken>): number {
  let next = 0;
  for (const id of Object.values(vocabulary)) next = Math.max(next, Number(id) + 1);
  for (const { id } of tokens.values()) next = Math.max(next, id + 1);
  return next;
}

function asArray(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function asEntries(value: unknown): [string, unknown][] {
  return isJsonObject(value) ? Object.entries(value) : [];
}
