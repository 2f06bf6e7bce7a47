/**
 * Files in blocks, run in the precision of their blocks. They are widened and quantised again, and that must lose
 * nothing: what llama.cpp made has a code of full range in each block, from which the same scale is found.
 */
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readGguf } from "../../../../src/model/checkpoint/gguf/gguf.js";
import { loadModel } from "../../../../src/model/index.js";
import { entryOf, fixture, readSafetensorsFile, temporaryFolder } from "../../../support/checkpoints.js";
import { float16ToNumber, type GgmlType } from "../../../support/ggml-blocks.js";
import { convertToGguf } from "../../../support/gguf-gpt2.js";

interface Quantised {
  readonly codes: readonly number[];
  readonly scales: readonly number[];
  readonly blocks: Buffer;
}

const evens = (values: readonly number[]): number[] => values.filter((_, index) => index % 2 === 0);
const chunks = (bytes: Buffer, size: number): Buffer[] =>
  Array.from({ length: bytes.length / size }, (_, index) => bytes.subarray(index * size, (index + 1) * size));

/** Codes and scales that a start made of one tensor, and the bytes of its blocks in the file. */
async function quantised(type: GgmlType, dtype: "int8-block" | "int4"): Promise<Quantised> {
  const path = join(await temporaryFolder(), "model.gguf");
  await writeFile(path, await convertToGguf(fixture("micro-gpt2"), { type }));
  const weightsCache = await temporaryFolder();
  const precision = { dtype, kvDtype: "float32", weightsCache } as const;
  (await loadModel({ folder: path, threads: 2, isSpinning: false, ...precision }))[Symbol.dispose]();
  const made = (await readdir(weightsCache)).filter((file) => !file.startsWith("widened"));
  const { header, data } = await readSafetensorsFile(join(weightsCache, made[0] ?? ""));
  const part = (end: string): Buffer =>
    data.subarray(...entryOf(header, `transformer.h.0.mlp.c_fc.weight.${end}`).data_offsets);
  const scales = new Float32Array(Uint8Array.from(part("scales")).buffer);
  const record = readGguf(path).tensors.find((tensor) => tensor.name === "blk.0.ffn_up.weight");
  const start = record?.offset ?? NaN;
  const blocks = (await readFile(path)).subarray(start, start + (record?.byteLength ?? NaN));
  return { codes: [...part("codes")], scales: [...scales], blocks };
}

test("int4 takes the codes and the scales of Q4_0 over", async () => {
  const { codes, scales, blocks } = await quantised("Q4_0", "int4");
  const own = chunks(blocks, 18);
  expect(scales).toEqual(own.map((block) => float16ToNumber(block.readUInt16LE())));
  // Q4_0 has numbers i and i + 16 in a byte, MatMulNBits 2i and 2i + 1.
  const numbers = own.map((block) =>
    [...block.subarray(2)].map((b) => b & 15).concat([...block.subarray(2)].map((b) => b >> 4)),
  );
  expect(codes).toEqual(
    numbers.flatMap((block) => evens(block).map((low, index) => low | ((block[2 * index + 1] ?? 0) << 4))),
  );
});

test("int8-block takes the codes of Q8_0 over, and the scales but for their last bit", async () => {
  const { codes, scales, blocks } = await quantised("Q8_0", "int8-block");
  const own = chunks(blocks, 34);
  expect(codes).toEqual(
    own.flatMap((block) => Array.from({ length: 32 }, (_, index) => block.readInt8(2 + index) + 128)),
  );
  const errors = own.map((block, index) =>
    Math.abs((scales[index] ?? NaN) / float16ToNumber(block.readUInt16LE()) - 1),
  );
  expect(errors.length).toBe(256 * 2);
  expect(Math.max(...errors)).toBeLessThanOrEqual(2 ** -23);
});
