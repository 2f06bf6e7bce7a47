import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { CheckpointError } from "../../../../src/errors.js";
import { loadTokenizer, type HuggingFaceTokenizer } from "../../../../src/model/huggingface-tokenizer.js";
import { fixture, temporaryFolder } from "../../../support/checkpoints.js";
import { gguf, type Typed } from "../../../support/gguf.js";
import { metadataOf } from "../../../support/gguf-gpt2.js";
import { readReference } from "../../../support/reference.js";

/** A file without tensors; undefined leaves a key out. */
async function tokenizerOf(
  name: string,
  changes: Readonly<Record<string, Typed | undefined>> = {},
): Promise<HuggingFaceTokenizer> {
  const path = join(await temporaryFolder(), "model.gguf");
  const entries = Object.entries({ ...(await metadataOf(fixture(name))), ...changes });
  const metadata = entries.flatMap(([key, value]): [string, Typed][] => (value === undefined ? [] : [[key, value]]));
  await writeFile(path, gguf({ metadata: Object.fromEntries(metadata) }));
  return loadTokenizer(path);
}

/** micro-gpt2's tokens and types, with some put over others. */
async function tokensWith(
  changes: readonly (readonly [id: number, content: string, type: number])[],
): Promise<Record<string, Typed>> {
  const all = await metadataOf(fixture("micro-gpt2"));
  const tokens = [...(all["tokenizer.ggml.tokens"]?.[1] as string[])];
  const types = [...(all["tokenizer.ggml.token_type"]?.[1] as number[])];
  for (const [id, content, type] of changes) [tokens[id], types[id]] = [content, type];
  return { "tokenizer.ggml.tokens": ["string", tokens], "tokenizer.ggml.token_type": ["i32", types] };
}

const [normal, control, userDefined, unused] = [1, 3, 4, 5];
const whale = [52, 301, 308, 72, 279, 69]; // "The whale", as in micro-gpt2's own tests

test.for(["micro-gpt2", "gpt2-vocab"])("%s in a GGUF file encodes and decodes as its tokenizer.json", async (name) => {
  const [tokenizer, own] = [await tokenizerOf(name), await loadTokenizer(fixture(name))];
  const prompts = readReference(fixture(`${name}/reference.json`));
  expect(prompts.length).toBeGreaterThan(5);
  expect(prompts.map(({ prompt }) => tokenizer.encode(prompt))).toEqual(prompts.map(({ input_ids: ids }) => ids));
  const { vocabularySize, specialTokenIds, beginOfTextId, endOfTextId } = own;
  expect(tokenizer).toMatchObject({ vocabularySize, specialTokenIds, beginOfTextId, endOfTextId });
  const ids = Array.from({ length: vocabularySize }, (_, id) => id);
  const pieces = (from: HuggingFaceTokenizer): string[] => ids.map((id) => from.pieceOf(id));
  expect(pieces(tokenizer)).toEqual(pieces(own));
});

test("special tokens have no text, words that a fine-tune added have their own, unused ids are no tokens", async () => {
  const changes = await tokensWith([
    [597, "<sep>", control],
    [598, "<café>", userDefined],
    [599, "[PAD599]", unused],
  ]);
  const tokenizer = await tokenizerOf("micro-gpt2", changes);
  expect(tokenizer.encode("<sep><café>").slice(0, 2)).toEqual([597, 598]);
  expect([597, 598, 599].map((id) => Buffer.from(tokenizer.bytesOf(id)).toString())).toEqual(["", "<café>", ""]);
  expect(tokenizer.specialTokenIds).toEqual(new Set([0, 597]));
  expect(tokenizer.vocabularySize).toBe(599);
});

test("a token with a role is special, even one that is said to be unused", async () => {
  const changes = await tokensWith([[500, "[PAD500]", unused]]);
  const tokenizer = await tokenizerOf("micro-gpt2", { ...changes, "tokenizer.ggml.padding_token_id": ["u32", 500] });
  expect(tokenizer.specialTokenIds).toEqual(new Set([0, 500]));
  expect(tokenizer.encode("[PAD500]")).toEqual([500]);
});

test("a token may have a name that objects have", async () => {
  const tokenizer = await tokenizerOf("micro-gpt2", await tokensWith([[599, "__proto__", userDefined]]));
  expect(tokenizer.encode("__proto__")).toEqual([599]);
  expect(tokenizer.pieceOf(599)).toBe("__proto__");
});

test("the end of the text is <|endoftext|> where the file names none", async () => {
  const changes = { "tokenizer.ggml.bos_token_id": undefined, "tokenizer.ggml.eos_token_id": undefined };
  expect((await tokenizerOf("micro-gpt2", changes)).endOfTextId).toBe(0);
});

test("files from before pre-tokenizers had names are split by GPT-2's pattern, and types may be left out", async () => {
  const changes = { "tokenizer.ggml.pre": undefined, "tokenizer.ggml.token_type": undefined };
  const tokenizer = await tokenizerOf("micro-gpt2", changes);
  expect(tokenizer.encode("The whale")).toEqual(whale);
  expect(tokenizer.specialTokenIds).toEqual(new Set([0]));
});

test("add_bos_token and add_eos_token surround a prompt", async () => {
  const both = {
    "tokenizer.ggml.add_bos_token": ["bool", true],
    "tokenizer.ggml.add_eos_token": ["bool", true],
  } as const;
  const tokenizer = await tokenizerOf("micro-gpt2", both);
  expect(tokenizer.encode("The whale")).toEqual([0, ...whale, 0]);
  expect(tokenizer.encode("The whale", { addSpecialTokens: false })).toEqual(whale);
  expect(tokenizer.beginOfTextId).toBe(0);
  const neither = { "tokenizer.ggml.add_bos_token": ["bool", false] } as const;
  expect((await tokenizerOf("micro-gpt2", neither)).encode("The whale")).toEqual(whale);
});

test("chat templates come from the file, named ones with their names", async () => {
  expect((await tokenizerOf("micro-gpt2")).chatTemplate).toBeUndefined();
  const { chatTemplate } = await tokenizerOf("micro-gpt2", {
    "tokenizer.chat_template": ["string", "{{ bos_token }}"],
    "tokenizer.chat_templates": ["string", ["tool_use"]],
    "tokenizer.chat_template.tool_use": ["string", "{{ tools }}"],
  });
  expect(chatTemplate).toEqual({
    sources: new Map([
      ["default", "{{ bos_token }}"],
      ["tool_use", "{{ tools }}"],
    ]),
    specialTokens: { bos_token: "<|endoftext|>", eos_token: "<|endoftext|>" },
  });
});

describe("is refused, with the file's name and the key", () => {
  test.each<[string, Record<string, Typed | undefined>, string]>([
    [
      "no tokenizer",
      { "tokenizer.ggml.model": undefined },
      "metadata has no tokenizer.ggml.model: the file has no tokenizer",
    ],
    [
      "another kind",
      { "tokenizer.ggml.model": ["string", "llama"] },
      "tokenizer.ggml.model must be 'gpt2', got 'llama'",
    ],
    [
      "another way to split text",
      { "tokenizer.ggml.pre": ["string", "llama-bpe"] },
      "tokenizer.ggml.pre must be 'gpt-2', got 'llama-bpe', which splits text otherwise; if the model was trained with GPT-2's tokenizer, say so with gguf_new_metadata.py --pre-tokenizer gpt-2",
    ],
    ["no tokens", { "tokenizer.ggml.tokens": undefined }, "metadata has no tokenizer.ggml.tokens"],
    ["no merges", { "tokenizer.ggml.merges": undefined }, "metadata has no tokenizer.ggml.merges"],
    [
      "tokens that are no strings",
      { "tokenizer.ggml.tokens": ["u8", [1, 2]] },
      "tokenizer.ggml.tokens must be an array of strings, got [ 1, 2 ]",
    ],
    [
      "types for other tokens",
      { "tokenizer.ggml.token_type": ["i32", [1]] },
      "tokenizer.ggml.token_type has 1 entries for 600 tokens",
    ],
    [
      "a merge of one token",
      { "tokenizer.ggml.merges": ["string", ["a b", "ab"]] },
      "tokenizer.ggml.merges: entry 1 must be two tokens with a space between, got 'ab'",
    ],
    [
      "a role for a token beyond the vocabulary",
      { "tokenizer.ggml.eos_token_id": ["u32", 600] },
      "tokenizer.ggml.eos_token_id must be in [0, 600), got 600",
    ],
  ])("%s", async (_what, changes, message) => {
    await expect(tokenizerOf("micro-gpt2", changes)).rejects.toThrow(new CheckpointError(`model.gguf: ${message}`));
  });

  test("a token twice", async () => {
    const changes = await tokensWith([[599, "!", normal]]);
    await expect(tokenizerOf("micro-gpt2", changes)).rejects.toThrow(
      new CheckpointError("model.gguf: tokenizer.ggml.tokens has '!' twice, as 1 and 599"),
    );
  });

  test("a token around prompts that the file does not have", async () => {
    const changes = {
      ...(await tokensWith([[0, "<start>", normal]])),
      "tokenizer.ggml.bos_token_id": undefined,
      "tokenizer.ggml.eos_token_id": undefined,
      "tokenizer.ggml.add_bos_token": ["bool", true],
    } satisfies Record<string, Typed | undefined>;
    await expect(tokenizerOf("micro-gpt2", changes)).rejects.toThrow(
      new CheckpointError("model.gguf: tokenizer.ggml.add_bos_token is true, but there is no bos_token"),
    );
  });
});
