import { join } from "node:path";
import { inspect } from "node:util";
import { expect, test } from "vitest";
import { gpt2Weights, parseGpt2Config, type Linear, type Norm } from "../../../src/model/architectures/gpt2-config.js";
import { openCheckpoint } from "../../../src/model/checkpoint/checkpoint.js";
import { readSafetensors } from "../../../src/model/checkpoint/safetensors.js";
import type { TensorRecord } from "../../../src/model/checkpoint/tensor-record.js";
import { fixture, readJson } from "../../support/checkpoints.js";

const raw = await readJson<Record<string, unknown>>(fixture("micro-gpt2/config.json"));
const parseWith = (fields: Record<string, unknown>) => parseGpt2Config({ ...raw, ...fields });

test("reads what transformers saved", () => {
  expect(parseGpt2Config(raw)).toEqual({
    layers: 3,
    heads: 4,
    width: 64,
    headDim: 16,
    innerWidth: 256,
    positions: 96,
    vocabularySize: 600,
    activation: "gelu_new",
    layerNormEpsilon: 1e-5,
    scaleAttention: true,
    scaleByInverseLayerIndex: false,
    tiedHead: true,
  });
});

test("fills in GPT-2's own values for fields that are absent", () => {
  expect(parseGpt2Config({})).toEqual({
    layers: 12,
    heads: 12,
    width: 768,
    headDim: 64,
    innerWidth: 3072,
    positions: 1024,
    vocabularySize: 50257,
    activation: "gelu_new",
    layerNormEpsilon: 1e-5,
    scaleAttention: true,
    scaleByInverseLayerIndex: false,
    tiedHead: true,
  });
});

const named = <T extends { fields: object }>(row: T) => ({ ...row, name: inspect(row.fields) });

const honoured: readonly { fields: Record<string, unknown>; expected: object }[] = [
  { fields: { n_inner: 100 }, expected: { innerWidth: 100 } },
  { fields: { layer_norm_epsilon: 1e-3 }, expected: { layerNormEpsilon: 1e-3 } },
  { fields: { scale_attn_weights: false }, expected: { scaleAttention: false } },
  { fields: { scale_attn_by_inverse_layer_idx: true }, expected: { scaleByInverseLayerIndex: true } },
  { fields: { tie_word_embeddings: false }, expected: { tiedHead: false } },
  { fields: { reorder_and_upcast_attn: true }, expected: parseGpt2Config(raw) },
  { fields: { resid_pdrop: 0.9, summary_type: "mean", n_ctx: 7, anything: {} }, expected: parseGpt2Config(raw) },
  { fields: { quantization_config: null, pruned_heads: {} }, expected: parseGpt2Config(raw) },
  { fields: { n_layer: undefined, num_hidden_layers: 5 }, expected: { layers: 5 } },
  ...["gelu_new", "gelu", "gelu_fast", "gelu_pytorch_tanh", "quick_gelu", "relu", "silu", "swish", "tanh"].map(
    (activation) => ({ fields: { activation_function: activation }, expected: { activation } }),
  ),
];

test.each(honoured.map(named))("honours $name", ({ fields, expected }) => {
  expect(parseWith(fields)).toMatchObject(expected);
});

const refused: readonly { fields: Record<string, unknown>; message: string }[] = [
  { fields: { n_layer: 0 }, message: "n_layer must be a whole number > 0, got 0" },
  { fields: { n_positions: "96" }, message: "n_positions must be a whole number > 0, got '96'" },
  { fields: { vocab_size: 600.5 }, message: "vocab_size must be a whole number > 0, got 600.5" },
  { fields: { n_inner: -1 }, message: "n_inner must be a whole number > 0, got -1" },
  { fields: { layer_norm_epsilon: "1e-5" }, message: "layer_norm_epsilon must be a number > 0, got '1e-5'" },
  { fields: { scale_attn_weights: 1 }, message: "scale_attn_weights must be true or false, got 1" },
  {
    fields: { activation_function: "mish" },
    message:
      "activation_function must be one of gelu_new, gelu, gelu_fast, gelu_pytorch_tanh, quick_gelu, relu, silu, swish, tanh, got 'mish'",
  },
  { fields: { n_head: 5 }, message: "n_embd 64 must be a multiple of n_head 5" },
  { fields: { n_head: 16 }, message: "n_embd 64 / n_head 16 = 4: the size of a head must be a multiple of 8" },
  { fields: { hidden_size: 128 }, message: "n_embd 64 contradicts hidden_size 128" },
  { fields: { add_cross_attention: true }, message: "add_cross_attention true is not supported" },
  { fields: { is_encoder_decoder: true }, message: "is_encoder_decoder true is not supported" },
  { fields: { pruned_heads: { "0": [1] } }, message: "pruned_heads { '0': [Array] } is not supported" },
  { fields: { quantization_config: { bits: 4 } }, message: "quantization_config { bits: 4 } is not supported" },
];

test.each(refused.map(named))("refuses $name", ({ fields, message }) => {
  expect(() => parseWith(fields)).toThrow(`config.json: ${message}`);
});

const config = parseGpt2Config(raw);
const whole = new Map(
  (await readSafetensors(fixture("micro-gpt2"), "model.safetensors")).map((record) => [record.name, record]),
);
const embedding = "transformer.wte.weight";

/** The micro model's tensors, with changed, added or (undefined) removed ones. */
function tensorsWith(changes: Record<string, Partial<TensorRecord> | undefined>): Map<string, TensorRecord> {
  const tensors = new Map(whole);
  for (const [name, change] of Object.entries(changes)) {
    const base = whole.get(name) ?? whole.get(embedding);
    if (base === undefined) throw new Error(`the fixture has no tensor ${embedding}`);
    if (change === undefined) tensors.delete(name);
    else tensors.set(name, { ...base, name, ...change });
  }
  return tensors;
}

test("finds every weight by its place in the model", () => {
  const weights = gpt2Weights(config, whole);
  expect(weights.tokenEmbedding).toMatchObject({ name: embedding, shape: [600, 64] });
  expect(weights.positionEmbedding).toMatchObject({ name: "transformer.wpe.weight", shape: [96, 64] });
  expect(weights.head).toBe(weights.tokenEmbedding);
  expect(weights.finalNorm.bias.name).toBe("transformer.ln_f.bias");
  expect(weights.layers).toHaveLength(3);
  const [, , layer] = weights.layers;
  if (layer === undefined) throw new Error("the model has three layers");
  const shapes = Object.entries<Linear | Norm>({ ...layer }).map(([part, { weight, bias }]) => [
    part,
    weight.name,
    weight.shape,
    bias.shape,
  ]);
  expect(shapes).toEqual([
    ["attentionNorm", "transformer.h.2.ln_1.weight", [64], [64]],
    ["qkv", "transformer.h.2.attn.c_attn.weight", [64, 192], [192]],
    ["attentionOutput", "transformer.h.2.attn.c_proj.weight", [64, 64], [64]],
    ["mlpNorm", "transformer.h.2.ln_2.weight", [64], [64]],
    ["mlpInner", "transformer.h.2.mlp.c_fc.weight", [64, 256], [256]],
    ["mlpOutput", "transformer.h.2.mlp.c_proj.weight", [256, 64], [64]],
  ]);
});

test.each(["micro-gpt2-bf16", "micro-gpt2-f16", "micro-gpt2-sharded", "micro-gpt2-bin", "gpt2-vocab"])(
  "accepts every tensor of %s",
  async (name) => {
    const checkpoint = await openCheckpoint(fixture(name));
    expect(() => gpt2Weights(parseGpt2Config(checkpoint.config), checkpoint.tensors)).not.toThrow();
  },
);

test("finds the weights of a base model, and passes over its mask buffers", async () => {
  const { tensors } = await openCheckpoint(fixture("micro-gpt2-bin-base"));
  expect(tensors.has("h.0.attn.bias")).toBe(true);
  expect(gpt2Weights(config, tensors).layers[1]?.qkv.weight.name).toBe("h.1.attn.c_attn.weight");
});

test("uses the stored head when it is not tied, and the embedding when it is", () => {
  const tensors = tensorsWith({ "lm_head.weight": {} });
  expect(gpt2Weights({ ...config, tiedHead: false }, tensors).head.name).toBe("lm_head.weight");
  expect(gpt2Weights(config, tensors).head.name).toBe(embedding);
});

const brokenTensors: readonly {
  name: string;
  changes: Parameters<typeof tensorsWith>[0];
  untied?: boolean;
  message: string;
}[] = [
  {
    name: "a missing weight",
    changes: { "transformer.h.1.mlp.c_fc.bias": undefined },
    message: "missing tensor transformer.h.1.mlp.c_fc.bias, expected with shape [256]",
  },
  {
    name: "an untied head that is missing",
    changes: {},
    untied: true,
    message: "missing tensor lm_head.weight, expected with shape [600, 64]",
  },
  {
    name: "a weight that is transposed",
    changes: { "transformer.h.0.attn.c_attn.weight": { shape: [192, 64] } },
    message: "model.safetensors: tensor transformer.h.0.attn.c_attn.weight: expected shape [64, 192], found [192, 64]",
  },
  {
    name: "a weight with an axis too many",
    changes: { "transformer.ln_f.weight": { shape: [64, 1] } },
    message: "tensor transformer.ln_f.weight: expected shape [64], found [64, 1]",
  },
  {
    name: "a stored tied head of another shape",
    changes: { "lm_head.weight": { shape: [601, 64] } },
    message: "tensor lm_head.weight: expected shape [600, 64], found [601, 64]",
  },
  {
    name: "a weight of a type that is not served",
    changes: { "transformer.wpe.weight": { elementType: "float64" } },
    message: "tensor transformer.wpe.weight: expected float32, float16, bfloat16, found float64",
  },
  {
    name: "weights that the model does not know",
    changes: Object.fromEntries([3, 4, 5, 6, 7, 8].map((layer) => [`transformer.h.${layer}.ln_1.weight`, {}])),
    message:
      "tensors that are not part of a GPT-2 with 3 layers: 'transformer.h.3.ln_1.weight', 'transformer.h.4.ln_1.weight', " +
      "'transformer.h.5.ln_1.weight', 'transformer.h.6.ln_1.weight', 'transformer.h.7.ln_1.weight' and 1 more",
  },
  {
    name: "a weight without the prefix of the others",
    changes: { "wte.weight": {} },
    message: "tensors that are not part of a GPT-2 with 3 layers: 'wte.weight'",
  },
];

test.each(brokenTensors)("refuses $name", ({ changes, untied = false, message }) => {
  const tensors = tensorsWith(changes);
  expect(() => gpt2Weights({ ...config, tiedHead: !untied }, tensors)).toThrow(message);
});

test("refuses a vocabulary of another size than the embedding's", async () => {
  const { tensors } = await openCheckpoint(join(fixture("micro-gpt2-caikit"), "artifacts"));
  expect(() => gpt2Weights(parseWith({ vocab_size: 601 }), tensors)).toThrow(
    "tensor transformer.wte.weight: expected shape [601, 64], found [600, 64]",
  );
});
