import { readdir, readFile, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { CheckpointError, ConfigurationError } from "../../../../src/errors.js";
import { openCheckpoint, type Checkpoint } from "../../../../src/model/checkpoint/checkpoint.js";
import { widenCheckpoint } from "../../../../src/model/checkpoint/gguf/widen.js";
import type { TensorRecord } from "../../../../src/model/checkpoint/tensor-record.js";
import { fixture, temporaryFolder } from "../../../support/checkpoints.js";
import { dequantiseRow } from "../../../support/ggml-blocks.js";
import { convertToGguf } from "../../../support/gguf-gpt2.js";

async function checkpointInBlocks(): Promise<Checkpoint> {
  const path = join(await temporaryFolder(), "model.gguf");
  const types = { "blk.2.ffn_down.weight": "Q6_K" } as const;
  await writeFile(path, await convertToGguf(fixture("micro-gpt2"), { type: "Q8_0", types }));
  return openCheckpoint(path);
}

async function bytesOf({ folder }: Checkpoint, record: TensorRecord): Promise<Buffer> {
  return (await readFile(join(folder, record.file))).subarray(record.offset, record.offset + record.byteLength);
}

test.for([256, 768, 2 ** 20])("blocks are widened %i numbers at a time, to the same numbers", async (numbersAtOnce) => {
  const checkpoint = await checkpointInBlocks();
  await using widened = await widenCheckpoint(checkpoint, undefined, numbersAtOnce);
  const differing: string[] = [];
  for (const [name, record] of checkpoint.tensors) {
    const type = record.elementType === "q8_0" ? "Q8_0" : record.elementType === "q6_k" ? "Q6_K" : "F32";
    const { tensors } = widened.checkpoint;
    const after = tensors.get(name) ?? record;
    expect(after).toMatchObject({ name, shape: record.shape, elementType: "float32" });
    expect(after.isTransposed).toBe(record.isTransposed);
    const expected = dequantiseRow(type, await bytesOf(checkpoint, record));
    if (!Buffer.from(expected.buffer).equals(await bytesOf(checkpoint, after))) differing.push(name);
  }
  expect(differing).toEqual([]);
  expect(widened.notes).toEqual(["13 tensors in Q8_0 and Q6_K widened to float32"]);
});

test("a file that shrinks meanwhile is noticed, and no part of a file is left behind", async () => {
  const checkpoint = await checkpointInBlocks();
  const weightsCache = await temporaryFolder();
  await truncate(join(checkpoint.folder, "model.gguf"), 40_000);
  await expect(widenCheckpoint(checkpoint, weightsCache)).rejects.toThrow(
    new CheckpointError("model.gguf: changed while it was read"),
  );
  expect(await readdir(weightsCache)).toEqual([]);
});

test("a cache that cannot be written is the operator's to fix", async () => {
  const checkpoint = await checkpointInBlocks();
  await expect(widenCheckpoint(checkpoint, join(checkpoint.folder, "model.gguf", "cache"))).rejects.toThrow(
    ConfigurationError,
  );
});
