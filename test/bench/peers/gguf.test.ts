import { mkdtempSync, rmSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { convertToGguf } from "../../../bench/peers/gguf/gpt2.js";
import { writeGguf } from "../../../bench/peers/gguf/writer.js";
import { openCheckpoint } from "../../../src/model/index.js";
import { readGguf } from "../../../src/model/checkpoint/gguf/gguf.js";
import type { TensorRecord } from "../../../src/model/checkpoint/tensor-record.js";

const folder = mkdtempSync(path.join(tmpdir(), "gguf-"));
afterAll(() => rmSync(folder, { recursive: true }));
const micro = path.join("test", "fixtures", "micro-gpt2");

test("a file is what the specification says, byte for byte", async () => {
  const file = path.join(folder, "small.gguf");
  const read = async (): Promise<Float32Array> => Promise.resolve(Float32Array.of(1, 2));
  await writeGguf(file, { a: 7, b: "x" }, [{ name: "t", type: "F32", shape: [1, 2], read }]);
  const head = [
    ...["47475546", "03000000", "0100000000000000", "0200000000000000"], // GGUF, version 3, 1 tensor, 2 entries
    ...["0100000000000000", "61", "04000000", "07000000"], // a: uint32 7
    ...["0100000000000000", "62", "08000000", "0100000000000000", "78"], // b: string x
    ...["0100000000000000", "74", "02000000", "0200000000000000", "0100000000000000"], // t: 2 dimensions, innermost first
    ...["00000000", "0000000000000000"], // F32 at offset 0
  ].join("");
  const padding = "00".repeat((32 - ((head.length / 2) % 32)) % 32);
  const data = `0000803f00000040${"00".repeat(24)}`;
  expect((await readFile(file)).toString("hex")).toBe(head + padding + data);
});

describe("a checkpoint as GGUF", () => {
  const numbers = async (root: string, { file, offset, byteLength }: TensorRecord): Promise<number[]> => {
    const bytes = (await readFile(path.join(root, file))).subarray(offset, offset + byteLength);
    return [...new Float32Array(new Uint8Array(bytes).buffer)];
  };

  test("has every tensor under llama.cpp's name, and reads back as the same model", async () => {
    const file = path.join(folder, "f32.gguf");
    await convertToGguf(micro, "F32", file);
    const original = await openCheckpoint(micro);
    const converted = await openCheckpoint(file);
    expect([...converted.tensors.keys()].sort()).toEqual([...original.tensors.keys()].sort());
    const { n_layer: layers, n_head: heads, n_embd: width, n_positions: positions } = original.config;
    expect(converted.config).toMatchObject({ n_layer: layers, n_head: heads, n_embd: width, n_positions: positions });
    for (const name of ["transformer.wpe.weight", "transformer.h.0.attn.c_attn.bias"]) {
      const [before, after] = [original.tensors.get(name), converted.tensors.get(name)];
      expect(after && (await numbers(folder, after))).toEqual(before && (await numbers(micro, before)));
    }
  });

  test("has the weights of Conv1D transposed: a row for each output", async () => {
    const file = path.join(folder, "transposed.gguf");
    await convertToGguf(micro, "F32", file);
    const original = (await openCheckpoint(micro)).tensors.get("transformer.h.0.mlp.c_fc.weight");
    const converted = readGguf(file).tensors.find(({ name }) => name === "blk.0.ffn_up.weight");
    const [inputs = 0, outputs = 0] = original?.shape ?? [];
    expect(converted?.shape).toEqual([outputs, inputs]);
    const before = original === undefined ? [] : await numbers(micro, original);
    const after = converted === undefined ? [] : await numbers(folder, converted);
    // Output 3 of input 5.
    expect(after[3 * inputs + 5]).toBe(before[5 * outputs + 3]);
    expect(after).toHaveLength(inputs * outputs);
  });

  test.each(["Q8_0", "Q4_0"] as const)("in %s quantises what is multiplied, and nothing else", async (type) => {
    const file = path.join(folder, `${type}.gguf`);
    await convertToGguf(micro, type, file);
    const types = new Map(readGguf(file).tensors.map(({ name, elementType }) => [name, elementType]));
    const quantised = ["token_embd.weight", "blk.0.attn_qkv.weight", "blk.0.ffn_down.weight"];
    expect(quantised.map((name) => types.get(name))).toEqual(quantised.map(() => type.toLowerCase()));
    const plain = ["position_embd.weight", "blk.0.attn_norm.weight", "blk.0.attn_qkv.bias", "output_norm.weight"];
    expect(plain.map((name) => types.get(name))).toEqual(plain.map(() => "float32"));
  });

  test("has the tokens in the order of their ids, and the merges as pairs with a space", async () => {
    const file = path.join(folder, "vocabulary.gguf");
    await convertToGguf(micro, "F32", file);
    const { metadata } = readGguf(file);
    const tokens = metadata.strings("tokenizer.ggml.tokens") ?? [];
    expect([tokens.length, tokens[0]]).toEqual([600, "<|endoftext|>"]);
    expect(metadata.strings("tokenizer.ggml.merges")?.slice(0, 2)).toEqual(["Ġ Ġ", "ĠĠ ĠĠ"]);
  });
});
