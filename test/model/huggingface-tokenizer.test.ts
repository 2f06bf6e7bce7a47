import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { loadTokenizer, type HuggingFaceTokenizer } from "../../src/model/huggingface-tokenizer.js";
import { checkVocabulary } from "../../src/model/tokenizer.js";
import { copyCheckpoint, fixture, readJson, setFields, writeJson } from "../support/checkpoints.js";

interface Reference {
  readonly prompt: string;
  readonly input_ids: number[];
  readonly greedy?: { readonly ids: number[]; readonly text: string };
}
interface TokenizerJson {
  model: { vocab: Record<string, number>; merges: (string | [string, string])[] };
  added_tokens: { id: number; content: string; special: boolean }[];
}

const tinyModel = fileURLToPath(new URL("../../models/tiny", import.meta.url));
const models = [
  { name: "micro-gpt2", folder: fixture("micro-gpt2"), reference: fixture("micro-gpt2/reference.json") },
  { name: "gpt2-vocab", folder: fixture("gpt2-vocab"), reference: fixture("gpt2-vocab/reference.json") },
  { name: "the shipped model", folder: tinyModel, reference: fixture("tiny-reference.json") },
];
const gpt2 = await loadTokenizer(fixture("gpt2-vocab"));
const endOfText = 50256;

const textOf = (tokenizer: HuggingFaceTokenizer, ids: readonly number[]) =>
  new TextDecoder("utf-8", { ignoreBOM: true }).decode(Buffer.concat(ids.map((id) => tokenizer.bytesOf(id))));

describe.each(models)("with $name", ({ folder, reference }) => {
  test("encodes every reference prompt as transformers does", async () => {
    const tokenizer = await loadTokenizer(folder);
    const rows = await readJson<Reference[]>(reference);
    expect(rows.map(({ prompt }) => tokenizer.encode(prompt))).toEqual(rows.map((row) => row.input_ids));
  });

  test("gives the bytes whose UTF-8 is the text of every reference completion", async () => {
    const tokenizer = await loadTokenizer(folder);
    const completions = (await readJson<Reference[]>(reference)).flatMap(({ greedy }) => greedy ?? []);
    expect(completions.length).toBeGreaterThan(10);
    expect(completions.map(({ ids }) => textOf(tokenizer, ids))).toEqual(completions.map(({ text }) => text));
  });
});

test.each([
  "",
  "👩‍👩‍👧‍👦 🏳️‍🌈 é e\u0301 ﷺ 𝔘𝔫𝔦𝔠𝔬𝔡𝔢",
  "\0\u0001\u001f\u007f\u0080\u009f\t\v\f\r\n",
  "\ufeffBOM \u0085next\u00a0line\u2028\u3000",
  "  two  spaces   end  ",
  "we'll I'M 12x34 ...!!\n\n\tcode();",
])("gives back %j, byte for byte", (text) => {
  expect(textOf(gpt2, gpt2.encode(text))).toBe(text);
});

test("encodes lone surrogates as U+FFFD, as their UTF-8 would be", () => {
  const replaced = gpt2.encode("a\ufffdb\ufffd");
  expect(gpt2.encode("a\ud83db\ude00")).toEqual(replaced);
  expect(textOf(gpt2, replaced)).toBe("a\ufffdb\ufffd");
});

test("splits words at Unicode's white space, not at JavaScript's", () => {
  // Ids of the bytes and pairs in the vocabulary: "Ġ" 220, "Â" 126, "ħ" 227; "Ġï" 27332, "»" 119, "¿" 123.
  expect(gpt2.encode("a \u0085b")).toEqual([64, 220, 126, 227, 65]); // white space: does not join the space before it
  expect(gpt2.encode("a \ufeffb")).toEqual([64, 27332, 119, 123, 65]); // none: a word with the space before it
});

test("encodes 100 KB without a space in less than seconds", () => {
  const text = Array.from({ length: 100_000 }, (_, index) => "etaoinshrdlu"[(index * index) % 11]).join("");
  const start = performance.now();
  const ids = gpt2.encode(text);
  expect(performance.now() - start).toBeLessThan(3000);
  expect(textOf(gpt2, ids)).toBe(text);
});

test("encodes the text of a special token as that token, which has a piece and no bytes", () => {
  expect(gpt2.encode("a<|endoftext|>b")).toEqual([64, endOfText, 65]);
  expect(gpt2.specialTokenIds).toEqual(new Set([endOfText]));
  expect(gpt2.endOfTextId).toBe(endOfText);
  expect(gpt2.bytesOf(endOfText)).toHaveLength(0);
  expect(gpt2.pieceOf(endOfText)).toBe("<|endoftext|>");
});

test("has pieces as they are in the vocabulary, and nothing for ids without an entry", () => {
  expect(gpt2.vocabularySize).toBe(50257);
  expect(gpt2.pieceOf(717)).toBe("Ġfirst");
  expect(Buffer.from(gpt2.bytesOf(717)).toString()).toBe(" first");
  expect([gpt2.pieceOf(50257), gpt2.pieceOf(-1), gpt2.bytesOf(50257).length]).toEqual(["", "", 0]);
});

test("adds no begin-of-text token unless the checkpoint asks for it", async () => {
  const folder = await copyCheckpoint();
  expect((await loadTokenizer(folder)).beginOfTextId).toBeUndefined();
  await setFields(folder, "tokenizer_config.json", { add_bos_token: true });
  const tokenizer = await loadTokenizer(folder);
  expect(tokenizer.beginOfTextId).toBe(0);
  expect(tokenizer.encode("")).toEqual([0]);
  expect(tokenizer.encode("The whale")).toEqual([0, 52, 301, 308, 72, 279, 69]);
});

test("honours add_eos_token, add_prefix_space, and a template of tokenizer.json's own", async () => {
  const folder = await copyCheckpoint();
  const plain = await loadTokenizer(folder);
  await setFields(folder, "tokenizer_config.json", { add_eos_token: true, add_prefix_space: true });
  expect((await loadTokenizer(folder)).encode("The")).toEqual([...plain.encode(" The"), 0]);

  await setFields(folder, "tokenizer_config.json", { add_eos_token: false, add_prefix_space: false });
  const single = [{ SpecialToken: { id: "<|endoftext|>", type_id: 0 } }, { Sequence: { id: "A", type_id: 0 } }];
  await setFields(folder, "tokenizer.json", { post_processor: { type: "TemplateProcessing", single, pair: [] } });
  const tokenizer = await loadTokenizer(folder);
  expect(tokenizer.encode("The")).toEqual([0, ...plain.encode("The")]);
  expect(tokenizer.beginOfTextId).toBe(0);
});

test("ignores truncation and padding that a fine-tune left in tokenizer.json", async () => {
  const folder = await copyCheckpoint();
  await setFields(folder, "tokenizer.json", {
    truncation: { direction: "Right", max_length: 2, strategy: "LongestFirst", stride: 0 },
    padding: { strategy: { Fixed: 64 }, direction: "Right", pad_id: 0, pad_type_id: 0, pad_token: "<|endoftext|>" },
  });
  expect((await loadTokenizer(folder)).encode("The whale")).toEqual([52, 301, 308, 72, 279, 69]);
});

test("takes added tokens from wherever they are listed, and gives text to those that are not special", async () => {
  const folder = await copyCheckpoint();
  const { added_tokens: own } = await readJson<TokenizerJson>(join(folder, "tokenizer.json"));
  await setFields(folder, "tokenizer.json", { added_tokens: [...own, { id: 600, content: "<café>", special: false }] });
  await setFields(folder, "tokenizer_config.json", {
    added_tokens_decoder: { 601: { content: "<sep>", special: true, lstrip: true } },
    pad_token: "<pad>", // without an id: gets the next free one
  });
  await writeJson(folder, "added_tokens.json", { "<b>": 602 });

  const tokenizer = await loadTokenizer(folder);
  expect(tokenizer.encode("<café><b><pad>a <sep>")).toEqual([600, 602, 603, ...tokenizer.encode("a"), 601]);
  expect(textOf(tokenizer, [600, 601, 602, 603])).toBe("<café><b>");
  expect(tokenizer.specialTokenIds).toEqual(new Set([0, 601, 603]));
  expect(tokenizer.vocabularySize).toBe(604);
});

/** As GPT-2 was saved before there was tokenizer.json. */
async function oldLayout(): Promise<string> {
  const folder = await copyCheckpoint("gpt2-vocab");
  const { model } = await readJson<TokenizerJson>(join(folder, "tokenizer.json"));
  const lines = model.merges.map((merge) => (typeof merge === "string" ? merge : merge.join(" ")));
  await writeFile(join(folder, "merges.txt"), `#version: 0.2\n${lines.join("\n")}\n`);
  await writeJson(folder, "vocab.json", model.vocab);
  await rm(join(folder, "tokenizer.json"));
  await rm(join(folder, "tokenizer_config.json"));
  return folder;
}

test("encodes with vocab.json and merges.txt as with tokenizer.json", async () => {
  const folder = await oldLayout();
  const tokenizer = await loadTokenizer(folder);
  const rows = await readJson<Reference[]>(join(folder, "reference.json"));
  expect(rows.map(({ prompt }) => tokenizer.encode(prompt))).toEqual(rows.map((row) => row.input_ids));
  expect(tokenizer.encode("a<|endoftext|>b")).toEqual([64, endOfText, 65]);
  expect(tokenizer.endOfTextId).toBe(endOfText);

  await writeJson(folder, "special_tokens_map.json", { pad_token: { content: "[PAD]", lstrip: false } });
  await writeJson(folder, "added_tokens.json", { "[PAD]": 50257 });
  const extended = await loadTokenizer(folder);
  expect(extended.encode("a[PAD]")).toEqual([64, 50257]);
  expect(extended.specialTokenIds).toEqual(new Set([endOfText, 50257]));
});

test("refuses a tokenizer with ids that the model has no embedding for, and allows padded embeddings", () => {
  expect(() => checkVocabulary({ vocabularySize: 50256 }, gpt2)).toThrow(
    "the tokenizer has ids up to 50256, the model has 50256 embeddings (vocab_size)",
  );
  expect(() => checkVocabulary({ vocabularySize: 50304 }, gpt2)).not.toThrow();
});

const broken: readonly { name: string; breakIt: (folder: string) => Promise<unknown>; message: string }[] = [
  {
    name: "a folder without a tokenizer",
    breakIt: (folder) => rm(join(folder, "tokenizer.json")),
    message: "no tokenizer: expected tokenizer.json, or vocab.json and merges.txt",
  },
  {
    name: "merges.txt without vocab.json",
    breakIt: async (folder) => {
      await rm(join(folder, "tokenizer.json"));
      await writeFile(join(folder, "merges.txt"), "a b\n");
    },
    message: "vocab.json: not found",
  },
  {
    name: "a decoder that is not byte-level",
    breakIt: (folder) => setFields(folder, "tokenizer.json", { decoder: { type: "Metaspace" } }),
    message: 'tokenizer: decoder "Metaspace" is not supported (supported: "ByteLevel")',
  },
  {
    name: "no decoder",
    breakIt: (folder) => setFields(folder, "tokenizer.json", { decoder: null }),
    message: "tokenizer: decoder null is not supported",
  },
  {
    name: "a tokenizer without a model",
    breakIt: (folder) => setFields(folder, "tokenizer.json", { model: undefined }),
    message: "tokenizer: has no model",
  },
  {
    name: "a model that is not BPE",
    breakIt: (folder) => setFields(folder, "tokenizer.json", { model: { type: "WordPiece", vocab: {} } }),
    message: 'tokenizer: model "WordPiece" must be "BPE"',
  },
  {
    name: "a model without merges",
    breakIt: (folder) => setFields(folder, "tokenizer.json", { model: { type: "BPE", vocab: {} } }),
    message: "tokenizer: model has no merges",
  },
  {
    name: "ids that are no whole numbers",
    breakIt: (folder) => setFields(folder, "tokenizer.json", { model: { type: "BPE", vocab: { a: "1" }, merges: [] } }),
    message: "tokenizer: token 'a' must have a whole number >= 0 as id",
  },
  {
    name: "dropout, which would make encoding random",
    breakIt: (folder) =>
      setFields(folder, "tokenizer.json", { model: { type: "BPE", vocab: {}, merges: [], dropout: 0.1 } }),
    message: "tokenizer: dropout 0.1 is not supported",
  },
  {
    name: "a pre-tokenizer that is unknown",
    breakIt: (folder) => setFields(folder, "tokenizer.json", { pre_tokenizer: { type: "Quantum" } }),
    message: "tokenizer: Unknown PreTokenizer type: Quantum",
  },
  {
    name: "an added token that must stand alone",
    breakIt: (folder) =>
      setFields(folder, "tokenizer.json", { added_tokens: [{ id: 0, content: "x", single_word: true }] }),
    message: "tokenizer: added token 'x': single_word true is not supported",
  },
  {
    name: "an added token without an id",
    breakIt: (folder) => setFields(folder, "tokenizer.json", { added_tokens: [{ content: "x" }] }),
    message: "tokenizer: an added token must have a content and a whole number as id",
  },
  {
    name: "split_special_tokens",
    breakIt: (folder) => setFields(folder, "tokenizer_config.json", { split_special_tokens: true }),
    message: "tokenizer_config.json: split_special_tokens true is not supported",
  },
  {
    name: "a begin-of-text token that is asked for and unknown",
    breakIt: async (folder) => {
      const text = await readFile(join(folder, "tokenizer.json"), "utf8");
      await writeFile(join(folder, "tokenizer.json"), text.replaceAll("<|endoftext|>", "<end>"));
      await writeJson(folder, "tokenizer_config.json", { add_bos_token: true });
    },
    message: "tokenizer_config.json: add_bos_token is true, but there is no bos_token",
  },
];

test.each(broken)("refuses $name", async ({ breakIt, message }) => {
  const folder = await copyCheckpoint();
  await breakIt(folder);
  const error = String(await loadTokenizer(folder).catch((caught: unknown) => caught));
  expect(error).toContain(`CheckpointError: ${message}`);
});
