/** Random GPT-2s, small enough for the naive model, with all that can be set in config.json. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { safetensors, writeJson, type SafetensorsHeader } from "./checkpoints.js";
import { Random } from "./random.js";

/** What transformers calls them; those that are absent have its defaults. */
export interface Gpt2Fields {
  readonly n_layer: number;
  readonly n_head: number;
  readonly n_embd: number;
  readonly n_positions: number;
  readonly vocab_size: number;
  readonly n_inner?: number;
  readonly activation_function?: string;
  readonly layer_norm_epsilon?: number;
  readonly scale_attn_weights?: boolean;
  readonly scale_attn_by_inverse_layer_idx?: boolean;
  readonly reorder_and_upcast_attn?: boolean;
  readonly tie_word_embeddings?: boolean;
}

export interface StoredTensor {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

export interface SmallGpt2 {
  readonly fields: Gpt2Fields;
  /** By name, without the prefix `transformer.`; the head is `lm_head.weight`. */
  readonly tensors: Map<string, StoredTensor>;
}

const smallest: Gpt2Fields = { n_layer: 3, n_head: 2, n_embd: 32, n_positions: 32, vocab_size: 64 };

/** Weights large enough for every part of the model to show in the logits; gains around 1, biases around 0. */
export function smallGpt2(variant: Partial<Gpt2Fields> = {}): SmallGpt2 {
  const fields = { ...smallest, ...variant };
  const { n_embd: width, n_inner: innerWidth = 4 * width } = fields;
  const random = new Random(1);
  const tensors: SmallGpt2["tensors"] = new Map();
  const add = (name: string, shape: readonly number[], range: number, centre = 0): void => {
    const count = shape.reduce((product, size) => product * size, 1);
    const values = Float32Array.from({ length: count }, () => centre + range * (2 * random.next() - 1));
    tensors.set(name, { shape, values });
  };
  const linear = (name: string, inputs: number, outputs: number): void => {
    add(`${name}.weight`, [inputs, outputs], 3 / Math.sqrt(inputs));
    add(`${name}.bias`, [outputs], 0.3);
  };
  const norm = (name: string): void => {
    add(`${name}.weight`, [width], 0.5, 1);
    add(`${name}.bias`, [width], 0.3);
  };
  add("wte.weight", [fields.vocab_size, width], 0.2);
  add("wpe.weight", [fields.n_positions, width], 0.1);
  for (let layer = 0; layer < fields.n_layer; layer += 1) {
    norm(`h.${layer}.ln_1`);
    linear(`h.${layer}.attn.c_attn`, width, 3 * width);
    linear(`h.${layer}.attn.c_proj`, width, width);
    norm(`h.${layer}.ln_2`);
    linear(`h.${layer}.mlp.c_fc`, width, innerWidth);
    linear(`h.${layer}.mlp.c_proj`, innerWidth, width);
  }
  norm("ln_f");
  if (fields.tie_word_embeddings === false) add("lm_head.weight", [fields.vocab_size, width], 0.2);
  return { fields, tensors };
}

/** Writes the model as transformers would, without a tokenizer. */
export async function writeGpt2(folder: string, { fields, tensors }: SmallGpt2): Promise<void> {
  const header: SafetensorsHeader = {};
  let offset = 0;
  for (const [name, { shape, values }] of tensors) {
    const end = offset + values.byteLength;
    const stored = name === "lm_head.weight" ? name : `transformer.${name}`;
    header[stored] = { dtype: "F32", shape: [...shape], data_offsets: [offset, end] };
    offset = end;
  }
  const data = Buffer.concat([...tensors.values()].map(({ values }) => new Uint8Array(values.buffer)));
  await writeFile(join(folder, "model.safetensors"), safetensors(padded(header), data));
  await writeJson(folder, "config.json", { model_type: "gpt2", architectures: ["GPT2LMHeadModel"], ...fields });
}

/** The header as text whose end, and so the first tensor, lies at a multiple of 8 bytes. */
function padded(header: SafetensorsHeader): string {
  const text = JSON.stringify(header);
  return text.padEnd(Math.ceil(text.length / 8) * 8);
}
