/**
 * A GPT-2 in llama.cpp's words, said in transformers': hyper-parameters as in config.json, tensors under the names of
 * GPT2LMHeadModel. llama.cpp's converter (class GPT2Model of convert_hf_to_gguf.py) transposes the weights of Conv1D;
 * they stay as they are, marked so.
 */
import { CheckpointError } from "../../../errors.js";
import type { JsonObject } from "../json.js";
import { quote } from "../messages.js";
import type { TensorRecord } from "../tensor-record.js";
import type { GgufFile } from "./gguf.js";
import type { GgufMetadata } from "./metadata.js";

interface Part {
  readonly name: string;
  /** A weight of Conv1D. */
  readonly isLinear: boolean;
}

const plain = (name: string): Part => ({ name, isLinear: false });
const linear = (name: string): Part => ({ name, isLinear: true });

/** Of a layer, each with weight and bias. */
const layerParts: Readonly<Record<string, Part>> = {
  attn_norm: plain("ln_1"),
  attn_qkv: linear("attn.c_attn"),
  attn_output: linear("attn.c_proj"),
  ffn_norm: plain("ln_2"),
  ffn_up: linear("mlp.c_fc"),
  ffn_down: linear("mlp.c_proj"),
};

const embeddingName = "token_embd.weight";
const headName = "output.weight";

/**
 * The hyper-parameters, as config.json would have them. llama.cpp's GPT-2 has one activation function, GELU by tanh,
 * and always scales attention by the size of a head.
 * @throws {CheckpointError} when one is missing or wrong, or the file holds another architecture.
 */
export function gpt2ConfigOf({ metadata, tensors }: GgufFile): JsonObject {
  const architecture = metadata.string("general.architecture");
  if (architecture !== "gpt2") {
    throw new CheckpointError(`general.architecture must be 'gpt2', got ${quote(architecture ?? "nothing")}`);
  }
  const positive = (key: string): number => required(metadata.integer(`gpt2.${key}`, 1), `gpt2.${key}`);
  const vocabularySize = tensors.find(({ name }) => name === embeddingName)?.shape[0];
  if (vocabularySize === undefined) throw new CheckpointError(`has no tensor ${embeddingName}`);
  return {
    model_type: "gpt2",
    architectures: ["GPT2LMHeadModel"],
    n_positions: positive("context_length"),
    n_embd: widthOf(positive("embedding_length"), positive("attention.head_count")),
    n_layer: positive("block_count"),
    n_head: positive("attention.head_count"),
    n_inner: positive("feed_forward_length"),
    layer_norm_epsilon: epsilonOf(metadata),
    activation_function: "gelu_new",
    vocab_size: vocabularySize,
    tie_word_embeddings: !tensors.some(({ name }) => name === headName),
    eos_token_id: endOfTextIds(metadata, vocabularySize),
  };
}

function required<T>(value: T | undefined, key: string): T {
  if (value === undefined) throw new CheckpointError(`metadata has no ${key}`);
  return value;
}

/** The architecture has the same rule, but would name config.json and its fields. */
function widthOf(width: number, heads: number): number {
  if (width % (8 * heads) === 0) return width;
  throw new CheckpointError(
    `gpt2.embedding_length ${width} / gpt2.attention.head_count ${heads} must be a multiple of 8, the size of a head`,
  );
}

function epsilonOf(metadata: GgufMetadata): number {
  const key = "gpt2.attention.layer_norm_epsilon";
  const epsilon = required(metadata.number(key), key);
  if (epsilon > 0 && Number.isFinite(epsilon)) return epsilon;
  throw new CheckpointError(`${key} must be a number > 0, got ${epsilon}`);
}

/** Ends of the text and of a turn; undefined when the file names none. */
function endOfTextIds(metadata: GgufMetadata, vocabularySize: number): readonly number[] | undefined {
  const keys = ["tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id"];
  const ids = keys.flatMap((key) => {
    const id = metadata.integer(key);
    if (id === undefined) return [];
    if (id >= vocabularySize) throw new CheckpointError(`${key} must be in [0, ${vocabularySize}), got ${id}`);
    return [id];
  });
  return ids.length === 0 ? undefined : [...new Set(ids)];
}

/** @throws {CheckpointError} when a tensor is missing, or one is there that is no part of a GPT-2 with these layers. */
export function gpt2TensorsOf({ metadata, tensors }: GgufFile): ReadonlyMap<string, TensorRecord> {
  const layers = metadata.integer("gpt2.block_count") ?? 0;
  const tensorsPerLayer = 2 * Object.keys(layerParts).length;
  if (layers * tensorsPerLayer > tensors.length) {
    throw new CheckpointError(
      `gpt2.block_count is ${layers}; layers have ${tensorsPerLayer} tensors each, the file has ${tensors.length} in all`,
    );
  }
  const names = namesOf(layers);
  const found = new Map<string, TensorRecord>();
  for (const record of tensors) {
    const known = names.get(record.name);
    if (known === undefined) {
      throw new CheckpointError(`tensor ${quote(record.name)} is no part of a GPT-2 with these layers`);
    }
    const { name, isLinear } = known;
    found.set(name, isLinear ? { ...record, name, isTransposed: true } : { ...record, name });
    names.delete(record.name);
  }
  names.delete(headName); // where there is none, the token embedding is the head
  const [missing] = names.keys();
  if (missing !== undefined) throw new CheckpointError(`has no tensor ${missing}`);
  return found;
}

/** transformers' names by llama.cpp's. */
function namesOf(layers: number): Map<string, Part> {
  const names = new Map<string, Part>([
    [embeddingName, plain("transformer.wte.weight")],
    ["position_embd.weight", plain("transformer.wpe.weight")],
    ["output_norm.weight", plain("transformer.ln_f.weight")],
    ["output_norm.bias", plain("transformer.ln_f.bias")],
    [headName, plain("lm_head.weight")],
  ]);
  for (let layer = 0; layer < layers; layer += 1) {
    for (const [part, { name, isLinear }] of Object.entries(layerParts)) {
      names.set(`blk.${layer}.${part}.weight`, { name: `transformer.h.${layer}.${name}.weight`, isLinear });
      names.set(`blk.${layer}.${part}.bias`, plain(`transformer.h.${layer}.${name}.bias`));
    }
  }
  return names;
}
