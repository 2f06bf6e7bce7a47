/**
 * Chat templates as a tokenizer's files have them: Jinja programs that make a prompt of a conversation. They are data
 * here; who serves conversations runs them.
 */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { tokenContent, tokenRoles } from "./added-tokens.js";
import { isJsonObject, readOptionalText, systemErrorCode, unreadable, type JsonObject } from "./json.js";

export interface ChatTemplate {
  /** By name. `default` is meant where none is named, and `tool_use`, if there is one, where tools are given. */
  readonly sources: ReadonlyMap<string, string>;
  /** What templates know besides the conversation: `bos_token` and the like, transformers' `special_tokens_map`. */
  readonly specialTokens: Readonly<Record<string, string | readonly string[]>>;
}

const defaultName = "default";
const templateFile = "chat_template.jinja";
const templateFolder = "additional_chat_templates";

/**
 * Reads the templates in the order of transformers: files, where there are any, replace those of
 * `tokenizer_config.json` (tokenization_utils_base.py, `_from_pretrained`).
 *
 * @param config `tokenizer_config.json`, with the special tokens of the files beside it.
 * @returns undefined when there is none.
 * @throws {CheckpointError} when a file is there and cannot be read.
 */
export async function readChatTemplate(folder: string, config: JsonObject): Promise<ChatTemplate | undefined> {
  const files = await readTemplateFiles(folder);
  const sources = files.size > 0 ? files : templatesOf(config["chat_template"]);
  return sources.size === 0 ? undefined : { sources, specialTokens: specialTokensOf(config) };
}

async function readTemplateFiles(folder: string): Promise<Map<string, string>> {
  const paths = new Map([[defaultName, templateFile]]);
  for (const file of await listTemplateFolder(folder)) {
    paths.set(file.slice(0, -".jinja".length), join(templateFolder, file));
  }
  const sources = new Map<string, string>();
  for (const [name, path] of paths) {
    const source = await readOptionalText(folder, path);
    if (source !== undefined) sources.set(name, source);
  }
  return sources;
}

async function listTemplateFolder(folder: string): Promise<string[]> {
  try {
    const files = await readdir(join(folder, templateFolder));
    return files.filter((file) => file.endsWith(".jinja")).sort();
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return [];
    throw unreadable(templateFolder, error);
  }
}

/** One template, or a list of named ones. */
function templatesOf(value: unknown): Map<string, string> {
  if (typeof value === "string") return new Map([[defaultName, value]]);
  const sources = new Map<string, string>();
  for (const entry of Array.isArray(value) ? (value as readonly unknown[]) : []) {
    if (!isJsonObject(entry)) continue;
    const { name, template } = entry;
    if (typeof name === "string" && typeof template === "string") sources.set(name, template);
  }
  return sources;
}

function specialTokensOf(config: JsonObject): Record<string, string | readonly string[]> {
  const tokens: Record<string, string | readonly string[]> = {};
  for (const role of tokenRoles) {
    const content = tokenContent(config[role]);
    if (content !== undefined) tokens[role] = content;
  }
  const { additional_special_tokens: additional } = config;
  if (Array.isArray(additional) && additional.length > 0) {
    tokens["additional_special_tokens"] = additional.flatMap((token: unknown) => tokenContent(token) ?? []);
  }
  return tokens;
}
