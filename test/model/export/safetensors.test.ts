/** The oracle: the same weights as torch wrote them, in float32, float16 and bfloat16. */
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { SessionRunner } from "../../../src/engine/runner/session-runner.js";
import { loadModel, loadTokenizer } from "../../../src/model/index.js";
import {
  copyCheckpoint,
  fixture,
  readJson,
  readSafetensorsFile,
  setFields,
  temporaryFolder,
} from "../../support/checkpoints.js";
import { convertToGguf, roundWeights } from "../../support/gguf-gpt2.js";
import { completeReferences, readReference } from "../../support/reference.js";
import { smallGpt2, writeGpt2 } from "../../support/small-gpt2.js";
import { convert, readTensors } from "./exporting.js";

const original = fixture("micro-gpt2");

const sources: readonly (readonly [source: string, dtype: "float32" | "float16" | "bfloat16", expected: string])[] = [
  ["micro-gpt2", "float32", "micro-gpt2"],
  ["micro-gpt2", "float16", "micro-gpt2-f16"],
  ["micro-gpt2", "bfloat16", "micro-gpt2-bf16"],
  ["micro-gpt2-sharded", "float32", "micro-gpt2"],
  ["micro-gpt2-bin", "float16", "micro-gpt2-f16"],
  ["micro-gpt2-caikit", "bfloat16", "micro-gpt2-bf16"],
  ["micro-gpt2-f16", "float16", "micro-gpt2-f16"],
  ["micro-gpt2-bf16", "bfloat16", "micro-gpt2-bf16"],
];

test.for(sources)("%s in %s has the very bytes of %s", async ([source, dtype, expected]) => {
  const { folder } = await convert({ source: fixture(source), dtype });
  expect(await readTensors(folder)).toEqual(await readTensors(fixture(expected)));
});

test("widened again, rounded weights are the numbers that they were rounded to", async () => {
  const { folder: wide } = await convert({ source: fixture("micro-gpt2-bf16"), dtype: "float32" });
  const { folder } = await convert({ source: wide, dtype: "bfloat16" });
  expect(await readTensors(folder)).toEqual(await readTensors(fixture("micro-gpt2-bf16")));
});

test("a base model keeps its names, and leaves the buffers of its masks behind", async () => {
  const { folder } = await convert({ source: fixture("micro-gpt2-bin-base") });
  const expected = [...(await readTensors(original))].map(([name, tensor]) => [
    name.replace("transformer.", ""),
    tensor,
  ]);
  expect(Object.fromEntries(await readTensors(folder))).toEqual(Object.fromEntries(expected));
});

test("the folder is one that transformers loads: its name for the format, the type, and every file of the tokenizer", async () => {
  const { folder, files } = await convert({ source: original, dtype: "float16" });
  const { header } = await readSafetensorsFile(join(folder, "model.safetensors"));
  expect(header["__metadata__"]).toEqual({ format: "pt" });
  const { dtype, ...config } = await readJson<Record<string, unknown>>(join(original, "config.json"));
  expect(dtype).toBe("float32");
  expect(await readJson(join(folder, "config.json"))).toEqual({ ...config, torch_dtype: "float16" });
  const copied = ["generation_config.json", "tokenizer.json", "tokenizer_config.json"];
  for (const name of copied) {
    expect(await readFile(join(folder, name), "utf8")).toBe(await readFile(join(original, name), "utf8"));
  }
  expect((await readdir(folder)).sort()).toEqual(["config.json", "model.safetensors", ...copied].sort());
  expect(files.at(-1)).toBe("config.json");
});

test("tensors begin at a multiple of 8 bytes", async () => {
  const { folder } = await convert({ source: original });
  const bytes = await readFile(join(folder, "model.safetensors"));
  expect(bytes.readBigUInt64LE() % 8n).toBe(0n);
});

test("weights stay as they are stored, and are float32 where they are mixed", async () => {
  const mixed = join(await temporaryFolder(), "mixed.gguf");
  await writeFile(mixed, await convertToGguf(original, { type: "F16" }));
  const dtypes = [];
  for (const source of [fixture("micro-gpt2-bf16"), fixture("micro-gpt2-f16"), original, mixed]) {
    dtypes.push((await convert({ source })).dtype);
  }
  expect(dtypes).toEqual(["bfloat16", "float16", "float32", "float32"]);
});

test("a head of its own is converted, a copy of a tied one is not", async () => {
  const [untied, tied] = [await temporaryFolder(), await temporaryFolder()];
  const model = smallGpt2({ tie_word_embeddings: false });
  await writeGpt2(untied, model);
  await writeGpt2(tied, model);
  await setFields(tied, "config.json", { tie_word_embeddings: true });
  const names = async (source: string) => [...(await readTensors((await convert({ source })).folder)).keys()];
  expect(await names(untied)).toContain("lm_head.weight");
  expect(await names(tied)).not.toContain("lm_head.weight");
});

test.for(["F32", "Q8_0", "Q4_0"] as const)(
  "a GGUF file in %s has the weights of the model that it is",
  async (type) => {
    const [source, rounded] = [join(await temporaryFolder(), "micro.gguf"), await copyCheckpoint()];
    await writeFile(source, await convertToGguf(original, { type }));
    await roundWeights(rounded, { type });
    const { folder } = await convert({ source });
    expect(await readTensors(folder)).toEqual(await readTensors(rounded));
  },
);

test("a GGUF file's tokenizer and end of text become files, which split text as before", async () => {
  const source = join(await temporaryFolder(), "micro.gguf");
  await writeFile(source, await convertToGguf(original));
  const { folder, notes } = await convert({ source });
  expect(notes).toEqual([]);
  const tokenizer = await loadTokenizer(folder);
  for (const { prompt, input_ids: ids } of readReference(join(original, "reference.json"))) {
    expect(tokenizer.encode(prompt)).toEqual(ids);
  }
  const { eos_token_id: eosTokenId } = await readJson<Record<string, unknown>>(join(original, "config.json"));
  expect(await readJson(join(folder, "generation_config.json"))).toEqual({ eos_token_id: [eosTokenId] });
});

test("a GGUF file's chat template and the tokens around a text go along", async () => {
  const source = join(await temporaryFolder(), "chat.gguf");
  const metadata = {
    "tokenizer.ggml.add_bos_token": ["bool", true],
    "tokenizer.chat_template": ["string", "{{ messages[0].content }}"],
  } as const;
  await writeFile(source, await convertToGguf(original, { metadata }));
  const [before, after] = [await loadTokenizer(source), await loadTokenizer((await convert({ source })).folder)];
  expect(after.encode("The whale")).toEqual(before.encode("The whale"));
  expect(after.beginOfTextId).toBe(0);
  expect(after.chatTemplate?.sources).toEqual(new Map([["default", "{{ messages[0].content }}"]]));
});

test("the converted model answers with the reference's logits", async () => {
  const source = join(await temporaryFolder(), "micro.gguf");
  await writeFile(source, await convertToGguf(original));
  const { folder } = await convert({ source });
  using model = await loadModel({ folder, threads: 1, isSpinning: false });
  using runner = new SessionRunner(model.session, model.shape, { slots: 1, maxLength: 96, maxPrefillTokens: 96 });
  for (const { input_ids: ids, last_logits_top20: expected } of completeReferences(join(original, "reference.json"))) {
    const run = { slot: 0, tokenIds: ids, start: 0, end: ids.length, wanted: "last" } as const;
    const logits = (await runner.prefill(run)).logits(0);
    for (const [id, logit] of expected) expect(logits[id]).toBeCloseTo(logit, 3);
  }
});

test("a model without a tokenizer is converted, and the report says so", async () => {
  const folder = await temporaryFolder();
  await writeGpt2(folder, smallGpt2());
  const source = join(await temporaryFolder(), "bare.gguf");
  await writeFile(source, await convertToGguf(original, { metadata: { "tokenizer.ggml.model": ["string", "llama"] } }));
  expect((await convert({ source: folder })).notes).toEqual([
    "no tokenizer that can be served: no tokenizer: expected tokenizer.json, or vocab.json and merges.txt",
  ]);
  expect((await convert({ source })).notes).toEqual([
    "tokenizer.json and tokenizer_config.json were not written: bare.gguf: tokenizer.ggml.model must be 'gpt2', got 'llama'",
  ]);
});
