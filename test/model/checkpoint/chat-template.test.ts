import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { loadTokenizer } from "../../../src/model/index.js";
import { copyCheckpoint, setFields } from "../../support/checkpoints.js";

const endOfText = "<|endoftext|>";

async function sourcesOf(
  fields: Readonly<Record<string, unknown>>,
  files: Readonly<Record<string, string>> = {},
): Promise<Record<string, string> | undefined> {
  const folder = await copyCheckpoint();
  await setFields(folder, "tokenizer_config.json", fields);
  if (Object.keys(files).some((file) => file.includes("/"))) await mkdir(join(folder, "additional_chat_templates"));
  for (const [file, text] of Object.entries(files)) await writeFile(join(folder, file), text);
  const { chatTemplate } = await loadTokenizer(folder);
  return chatTemplate && Object.fromEntries(chatTemplate.sources);
}

test("a tokenizer without a chat template has none, and neither has one whose template is no text", async () => {
  expect(await sourcesOf({})).toBeUndefined();
  expect(await sourcesOf({ chat_template: null })).toBeUndefined();
  expect(await sourcesOf({ chat_template: [{ name: "default" }, 5] })).toBeUndefined();
});

test("a template is one text, or a list of named ones", async () => {
  expect(await sourcesOf({ chat_template: "one" })).toEqual({ default: "one" });
  const named = [
    { name: "default", template: "one" },
    { name: "tool_use", template: "two" },
  ];
  expect(await sourcesOf({ chat_template: named })).toEqual({ default: "one", tool_use: "two" });
});

test("files replace all templates of the configuration, as in transformers", async () => {
  const fields = { chat_template: [{ name: "rag", template: "config" }] };
  expect(await sourcesOf(fields, { "chat_template.jinja": "file" })).toEqual({ default: "file" });
  const more = {
    "chat_template.jinja": "file",
    "additional_chat_templates/tool_use.jinja": "tools",
    "additional_chat_templates/notes.txt": "",
  };
  expect(await sourcesOf(fields, more)).toEqual({ default: "file", tool_use: "tools" });
  expect(await sourcesOf(fields, { "additional_chat_templates/a.jinja": "a" })).toEqual({ a: "a" });
});

test("templates know the special tokens by their roles, GPT-2's own where none is given", async () => {
  const folder = await copyCheckpoint();
  const fields = {
    chat_template: "t",
    bos_token: { content: endOfText },
    eos_token: null,
    unk_token: null,
    additional_special_tokens: [endOfText],
  };
  await setFields(folder, "tokenizer_config.json", fields);
  expect((await loadTokenizer(folder)).chatTemplate?.specialTokens).toEqual({
    bos_token: endOfText,
    eos_token: endOfText,
    unk_token: endOfText,
    additional_special_tokens: [endOfText],
  });
});

test("the tokenizer's own special tokens are left out when they are not wanted", async () => {
  const folder = await copyCheckpoint();
  await setFields(folder, "tokenizer_config.json", { add_bos_token: true });
  const tokenizer = await loadTokenizer(folder);
  const [bos, ...rest] = tokenizer.encode(`a${endOfText}b`);
  expect(bos).toBe(0);
  expect(tokenizer.encode(`a${endOfText}b`, { addSpecialTokens: false })).toEqual(rest);
  expect(rest).toContain(0); // one that stands in the text is found in any case
});
