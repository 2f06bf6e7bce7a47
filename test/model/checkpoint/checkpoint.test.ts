import { appendFile, mkdir, readFile, rename, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openCheckpoint } from "../../../src/model/checkpoint/checkpoint.js";
import type { TensorRecord } from "../../../src/model/checkpoint/tensor-record.js";
import {
  copyCheckpoint,
  editHeader,
  entryOf,
  fixture,
  readJson,
  setFields,
  temporaryFolder,
  writeJson,
} from "../../support/checkpoints.js";

const index = "model.safetensors.index.json";
const firstShard = "model-00001-of-00004.safetensors";

test("reads the configuration and every tensor of a folder, and no weights", async () => {
  const checkpoint = await openCheckpoint(fixture("micro-gpt2"));
  expect(checkpoint.folder).toBe(fixture("micro-gpt2"));
  expect(checkpoint.config).toEqual(await readJson(fixture("micro-gpt2/config.json")));
  expect(checkpoint.generationConfig).toEqual(await readJson(fixture("micro-gpt2/generation_config.json")));
  expect(checkpoint.tensors.get("transformer.wte.weight")).toMatchObject({ elementType: "float32", shape: [600, 64] });
  expect(checkpoint.tensors.size).toBe(2 + 3 * 12 + 2); // embeddings, layers, final norm
});

test("finds the same tensors, with the same bytes, in shards as in one file", async () => {
  const whole = await openCheckpoint(fixture("micro-gpt2"));
  const sharded = await openCheckpoint(fixture("micro-gpt2-sharded"));
  const bytesOf = async (folder: string, { file, offset, byteLength }: TensorRecord) =>
    (await readFile(join(folder, file))).subarray(offset, offset + byteLength);

  expect([...sharded.tensors.keys()].sort()).toEqual([...whole.tensors.keys()].sort());
  for (const [name, record] of whole.tensors) {
    const other = sharded.tensors.get(name);
    if (other === undefined) throw new Error(`${name} is in no shard`);
    expect(other.shape).toEqual(record.shape);
    expect((await bytesOf(sharded.folder, other)).equals(await bytesOf(whole.folder, record))).toBe(true);
  }
});

test("reads PyTorch files when there is no safetensors file", async () => {
  const { tensors } = await openCheckpoint(fixture("micro-gpt2-bin"));
  expect(tensors.get("transformer.wte.weight")).toMatchObject({ elementType: "float32", shape: [600, 64] });
});

test("does without generation_config.json", async () => {
  const folder = await copyCheckpoint();
  await rm(join(folder, "generation_config.json"));
  expect((await openCheckpoint(folder)).generationConfig).toBeUndefined();
});

/** Each breaks a good checkpoint, in one way. */
const broken: readonly {
  name: string;
  base?: string;
  breakIt: (folder: string) => Promise<unknown>;
  message: string;
}[] = [
  { name: "a folder that is missing", breakIt: (folder) => rm(folder, { recursive: true }), message: "does not exist" },
  {
    name: "a folder that is a file",
    breakIt: async (folder) => {
      await rm(folder, { recursive: true });
      await writeFile(folder, "");
    },
    message: "is not a folder",
  },
  {
    name: "a folder that cannot be read",
    breakIt: async (folder) => {
      await rm(folder, { recursive: true });
      await symlink(folder, folder);
    },
    message: "cannot be read (ELOOP)",
  },
  {
    name: "a folder that is empty",
    breakIt: async (folder) => {
      await rm(folder, { recursive: true });
      await mkdir(folder);
    },
    message: "is empty",
  },
  { name: "no config.json", breakIt: (folder) => rm(join(folder, "config.json")), message: "has no config.json" },
  {
    name: "a config.json that is no JSON",
    breakIt: (folder) => writeFile(join(folder, "config.json"), "{"),
    message: "config.json: not valid JSON",
  },
  {
    name: "a config.json that is no object",
    breakIt: (folder) => writeJson(folder, "config.json", []),
    message: "config.json: expected a JSON object, found an array",
  },
  {
    name: "a config.json that cannot be read",
    breakIt: async (folder) => {
      await rm(join(folder, "config.json"));
      await mkdir(join(folder, "config.json"));
    },
    message: "config.json: cannot be read (EISDIR)",
  },
  {
    name: "a generation_config.json that is no object",
    breakIt: (folder) => writeJson(folder, "generation_config.json", 1),
    message: "generation_config.json: expected a JSON object, found a number",
  },
  {
    name: "no weights",
    breakIt: (folder) => rm(join(folder, "model.safetensors")),
    message:
      "no weights: expected one of model.safetensors, model.safetensors.index.json, pytorch_model.bin, " +
      "pytorch_model.bin.index.json, found config.json, generation_config.json,",
  },
  {
    name: "a safetensors file that is a folder",
    breakIt: async (folder) => {
      await rm(join(folder, "model.safetensors"));
      await mkdir(join(folder, "model.safetensors"));
    },
    message: "model.safetensors: cannot be read (EISDIR)",
  },
  {
    name: "a truncated file",
    breakIt: (folder) => truncate(join(folder, "model.safetensors"), 700_000),
    message: "but the file has 700000: truncated, or the header lies",
  },
  {
    name: "an overlong file",
    breakIt: (folder) => appendFile(join(folder, "model.safetensors"), "??"),
    message: "model.safetensors: the 2 bytes at [782256, 782258) belong to no tensor",
  },
  {
    name: "a file that is a pointer to the weights (git LFS)",
    breakIt: (folder) => writeFile(join(folder, "model.safetensors"), "version https://git-lfs.github.com/spec/v1\n"),
    message: "model.safetensors: not a safetensors file, its header length",
  },
  {
    name: "a tensor whose bytes belong to another",
    breakIt: (folder) =>
      editHeader(folder, (header) => {
        const weight = entryOf(header, "transformer.h.1.ln_1.weight");
        weight.data_offsets = entryOf(header, "transformer.h.0.ln_1.weight").data_offsets;
      }),
    message: "tensors 'transformer.h.0.ln_1.weight' and 'transformer.h.1.ln_1.weight' overlap",
  },
  {
    name: "a missing shard",
    base: "micro-gpt2-sharded",
    breakIt: (folder) => rm(join(folder, firstShard)),
    message: `${index}: missing shard '${firstShard}'`,
  },
  {
    name: "a truncated shard",
    base: "micro-gpt2-sharded",
    breakIt: (folder) => truncate(join(folder, firstShard), 100_000),
    message: `${firstShard}: tensor`,
  },
  {
    name: "an index without a weight map",
    base: "micro-gpt2-sharded",
    breakIt: (folder) => setFields(folder, index, { weight_map: undefined }),
    message: `${index}: weight_map must be an object`,
  },
  {
    name: "an index that names a tensor that is nowhere",
    base: "micro-gpt2-sharded",
    breakIt: (folder) => editWeightMap(folder, { "transformer.extra": firstShard }),
    message: `${index}: tensor 'transformer.extra' is not in ${firstShard}`,
  },
  {
    name: "an index that names a tensor in another shard",
    base: "micro-gpt2-sharded",
    breakIt: (folder) => editWeightMap(folder, { "transformer.ln_f.bias": firstShard }),
    message: `${index}: tensor 'transformer.ln_f.bias' should be in ${firstShard}, found in model-00004-of-00004.safetensors`,
  },
  {
    name: "an index that leaves out a tensor",
    base: "micro-gpt2-sharded",
    breakIt: (folder) => editWeightMap(folder, { "transformer.ln_f.bias": undefined }),
    message: `${index}: does not name tensor 'transformer.ln_f.bias' of model-00004-of-00004.safetensors`,
  },
  ...["../model.safetensors", "/etc/passwd", "..", "", "a\\b", "a\0", 7].map((shard) => ({
    name: `an index with shard ${JSON.stringify(shard)}`,
    base: "micro-gpt2-sharded",
    breakIt: (folder: string) => editWeightMap(folder, { "transformer.ln_f.bias": shard }),
    message: `${index}: tensor 'transformer.ln_f.bias': shard must be a file name, got `,
  })),
];

async function editWeightMap(folder: string, changes: Record<string, unknown>): Promise<void> {
  const { weight_map: weightMap } = await readJson<{ weight_map: object }>(join(folder, index));
  await setFields(folder, index, { weight_map: { ...weightMap, ...changes } });
}

test.each(broken)("refuses $name", async ({ base, breakIt, message }) => {
  const folder = await copyCheckpoint(base);
  await breakIt(folder);
  const error = String(await openCheckpoint(folder).catch((caught: unknown) => caught));
  expect(error).toMatch(/^CheckpointError: /);
  expect(error).toContain(message);
});

test("prefers one safetensors file to shards, and both to PyTorch files", async () => {
  const folder = await copyCheckpoint("micro-gpt2-sharded");
  await writeFile(join(folder, "pytorch_model.bin"), "never read");
  expect((await openCheckpoint(folder)).tensors.get("transformer.ln_f.bias")?.file).toMatch(/^model-0000/);

  const other = await temporaryFolder();
  const whole = await copyCheckpoint();
  await rename(join(whole, "model.safetensors"), join(other, "model.safetensors"));
  await symlink(join(other, "model.safetensors"), join(folder, "model.safetensors")); // as in a download cache
  expect((await openCheckpoint(folder)).tensors.get("transformer.ln_f.bias")?.file).toBe("model.safetensors");
});
