import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { CheckpointError } from "../../../../src/errors.js";
import { loadModel } from "../../../../src/model/index.js";
import { openCheckpoint, type Checkpoint } from "../../../../src/model/checkpoint/checkpoint.js";
import { fixture, temporaryFolder } from "../../../support/checkpoints.js";
import { gguf, type Typed, type WrittenTensor } from "../../../support/gguf.js";
import { metadataOf } from "../../../support/gguf-gpt2.js";

/** A GPT-2 of one layer, width 8 and 16 tokens, whose numbers are all zero. */
const shapes: Readonly<Record<string, readonly number[]>> = {
  "token_embd.weight": [16, 8],
  "position_embd.weight": [4, 8],
  "blk.0.attn_norm.weight": [8],
  "blk.0.attn_norm.bias": [8],
  "blk.0.attn_qkv.weight": [24, 8],
  "blk.0.attn_qkv.bias": [24],
  "blk.0.attn_output.weight": [8, 8],
  "blk.0.attn_output.bias": [8],
  "blk.0.ffn_norm.weight": [8],
  "blk.0.ffn_norm.bias": [8],
  "blk.0.ffn_up.weight": [40, 8],
  "blk.0.ffn_up.bias": [40],
  "blk.0.ffn_down.weight": [8, 40],
  "blk.0.ffn_down.bias": [8],
  "output_norm.weight": [8],
  "output_norm.bias": [8],
};
const metadata: Readonly<Record<string, Typed>> = {
  "general.architecture": ["string", "gpt2"],
  "gpt2.context_length": ["u32", 4],
  "gpt2.embedding_length": ["u32", 8],
  "gpt2.block_count": ["u32", 1],
  "gpt2.feed_forward_length": ["u64", 40],
  "gpt2.attention.head_count": ["u32", 1],
  "gpt2.attention.layer_norm_epsilon": ["f32", 0.5],
};

/** Undefined leaves out what the sound file has. */
interface Changes {
  readonly metadata?: Readonly<Record<string, Typed | undefined>>;
  readonly shapes?: Readonly<Record<string, readonly number[] | undefined>>;
}

async function write(changes: Changes = {}): Promise<string> {
  const path = join(await temporaryFolder(), "model.gguf");
  const tensors = defined({ ...shapes, ...changes.shapes }).map(([name, shape]): WrittenTensor => {
    const data = Buffer.alloc(4 * shape.reduce((product, size) => product * size, 1));
    return { name, shape, type: 0, data };
  });
  await writeFile(path, gguf({ metadata: Object.fromEntries(defined({ ...metadata, ...changes.metadata })), tensors }));
  return path;
}

function defined<T>(values: Readonly<Record<string, T | undefined>>): [string, T][] {
  return Object.entries(values).flatMap(([key, value]): [string, T][] => (value === undefined ? [] : [[key, value]]));
}

const open = async (changes?: Changes): Promise<Checkpoint> => openCheckpoint(await write(changes));

describe("a GPT-2 in a GGUF file", () => {
  test("has the hyper-parameters of config.json", async () => {
    expect((await open()).config).toEqual({
      ...{ model_type: "gpt2", architectures: ["GPT2LMHeadModel"], activation_function: "gelu_new" },
      ...{ n_positions: 4, n_embd: 8, n_layer: 1, n_head: 1, n_inner: 40, vocab_size: 16, layer_norm_epsilon: 0.5 },
      ...{ tie_word_embeddings: true, eos_token_id: undefined },
    });
  });

  test("has transformers' names for its tensors; the weights of Conv1D are the transposed ones", async () => {
    const { tensors } = await open({ shapes: { "output.weight": [16, 8] } });
    const transposed = [...tensors.values()].filter(({ isTransposed }) => isTransposed);
    expect(transposed.map(({ name, shape }) => `${name} [${shape.join()}]`)).toEqual([
      "transformer.h.0.attn.c_attn.weight [24,8]",
      "transformer.h.0.attn.c_proj.weight [8,8]",
      "transformer.h.0.mlp.c_fc.weight [40,8]",
      "transformer.h.0.mlp.c_proj.weight [8,40]",
    ]);
    expect([...tensors.keys()].filter((name) => !name.startsWith("transformer.h.0."))).toEqual([
      ...["transformer.wte.weight", "transformer.wpe.weight", "transformer.ln_f.weight", "transformer.ln_f.bias"],
      "lm_head.weight",
    ]);
    expect(tensors).toHaveLength(17);
  });
});

describe("is refused, with the file's name and its own words", () => {
  test.each<[string, Changes, string]>([
    [
      "another architecture",
      { metadata: { "general.architecture": ["string", "llama"] } },
      "general.architecture must be 'gpt2', got 'llama'",
    ],
    [
      "no architecture",
      { metadata: { "general.architecture": undefined } },
      "general.architecture must be 'gpt2', got 'nothing'",
    ],
    ...Object.keys(metadata)
      .slice(1)
      .map((key): [string, Changes, string] => [
        `no ${key}`,
        { metadata: { [key]: undefined } },
        `metadata has no ${key}`,
      ]),
    [
      "heads that differ from layer to layer",
      { metadata: { "gpt2.attention.head_count": ["u32", [1, 1]] } },
      "gpt2.attention.head_count must be a whole number >= 1, got [ 1, 1 ]",
    ],
    [
      "no layers",
      { metadata: { "gpt2.block_count": ["u32", 0] } },
      "gpt2.block_count must be a whole number >= 1, got 0",
    ],
    [
      "a negative width",
      { metadata: { "gpt2.embedding_length": ["i32", -8] } },
      "gpt2.embedding_length must be a whole number >= 1, got -8",
    ],
    [
      "more layers than there can be",
      { metadata: { "gpt2.block_count": ["u64", 2 ** 53 - 1] } },
      "gpt2.block_count is 9007199254740991; layers have 12 tensors each, the file has 16 in all",
    ],
    [
      "heads that the attention kernel does not take",
      { metadata: { "gpt2.attention.head_count": ["u32", 2] } },
      "gpt2.embedding_length 8 / gpt2.attention.head_count 2 must be a multiple of 8, the size of a head",
    ],
    [
      "an epsilon of 0",
      { metadata: { "gpt2.attention.layer_norm_epsilon": ["f32", 0] } },
      "gpt2.attention.layer_norm_epsilon must be a number > 0, got 0",
    ],
    [
      "an end of text that is no token",
      { metadata: { "tokenizer.ggml.eot_token_id": ["u32", 16] } },
      "tokenizer.ggml.eot_token_id must be in [0, 16), got 16",
    ],
    ["no token embedding", { shapes: { "token_embd.weight": undefined } }, "has no tensor token_embd.weight"],
    [
      "a missing bias",
      { shapes: { "blk.0.ffn_up.bias": undefined, "output.weight": [16, 8] } },
      "has no tensor blk.0.ffn_up.bias",
    ],
    [
      "a tensor that no GPT-2 has",
      { shapes: { "blk.0.attn_q.weight": [8, 8] } },
      "tensor 'blk.0.attn_q.weight' is no part of a GPT-2 with these layers",
    ],
  ])("%s", async (_what, changes, message) => {
    await expect(open(changes)).rejects.toThrow(new CheckpointError(`model.gguf: ${message}`));
  });

  test("a weight that is not transposed", async () => {
    const path = await write({
      shapes: { "blk.0.attn_qkv.weight": [8, 24] },
      metadata: await metadataOfTokens(),
    });
    await expect(loadModel({ folder: path, threads: 1, isSpinning: false })).rejects.toThrow(
      new CheckpointError(
        "model.gguf: tensor transformer.h.0.attn.c_attn.weight: expected shape [24, 8], found [8, 24]",
      ),
    );
  });
});

async function metadataOfTokens(): Promise<Record<string, Typed>> {
  const all = await metadataOf(fixture("micro-gpt2"));
  return Object.fromEntries(
    Object.entries(all).filter(([key]) => /^tokenizer\.ggml\.(model|pre|tokens|merges)/.test(key)),
  );
}
