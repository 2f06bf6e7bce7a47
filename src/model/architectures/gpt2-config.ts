/**
 * GPT-2's hyper-parameters and weights as transformers names and stores them (configuration_gpt2.py,
 * modeling_gpt2.py). Every field that changes the arithmetic is honoured or refused by name; dropout, `summary_*`
 * and initialisation play no part in inference.
 */
import { inspect } from "node:util";
import { CheckpointError } from "../../errors.js";
import type { JsonObject } from "../checkpoint/json.js";
import { quote } from "../checkpoint/messages.js";
import { isBlockType, type TensorRecord } from "../checkpoint/tensor-record.js";
import type { Factor } from "../graph/products.js";
import { ConfigFields } from "./config-fields.js";

const activations = [
  "gelu_new",
  "gelu",
  "gelu_fast",
  "gelu_pytorch_tanh",
  "quick_gelu",
  "relu",
  "silu",
  "swish",
  "tanh",
] as const;

/** transformers' names; some of them are one function in two notations. */
export type Activation = (typeof activations)[number];

export interface Gpt2Config {
  readonly layers: number;
  readonly heads: number;
  /** `heads * headDim`. */
  readonly width: number;
  readonly headDim: number;
  /** Width between the two layers of an MLP. */
  readonly innerWidth: number;
  /** Tokens that a sequence can have: the rows of the position embedding. */
  readonly positions: number;
  /** Rows of the token embedding; may be more than the tokenizer has ids. */
  readonly vocabularySize: number;
  readonly activation: Activation;
  readonly layerNormEpsilon: number;
  /** Attention scores are divided by `sqrt(headDim)`. */
  readonly scaleAttention: boolean;
  /** Attention scores are divided by the layer's index + 1. */
  readonly scaleByInverseLayerIndex: boolean;
  /** The token embedding is also the head. */
  readonly tiedHead: boolean;
}

/**
 * @param raw `config.json` of a GPT-2.
 * @throws {CheckpointError} when a value is wrong or not supported.
 */
export function parseGpt2Config(raw: JsonObject): Gpt2Config {
  const fields = new ConfigFields(withoutAliases(raw));
  fields.refuse("quantization_config", () => false);
  fields.refuse("add_cross_attention", (value) => value === false);
  fields.refuse("is_encoder_decoder", (value) => value === false);
  fields.refuse("pruned_heads", (value) => typeof value === "object" && Object.keys(value ?? {}).length === 0);
  // Computes attention scores in float32 when the model runs in float16. They are always float32 here.
  fields.boolean("reorder_and_upcast_attn", false);

  const width = fields.positiveInteger("n_embd", 768);
  const heads = fields.positiveInteger("n_head", 12);
  return {
    layers: fields.positiveInteger("n_layer", 12),
    heads,
    width,
    headDim: headDimension(width, heads),
    innerWidth: fields.positiveInteger("n_inner", 4 * width),
    positions: fields.positiveInteger("n_positions", 1024),
    vocabularySize: fields.positiveInteger("vocab_size", 50257),
    activation: fields.oneOf("activation_function", activations, "gelu_new"),
    layerNormEpsilon: fields.positiveNumber("layer_norm_epsilon", 1e-5),
    scaleAttention: fields.boolean("scale_attn_weights", true),
    scaleByInverseLayerIndex: fields.boolean("scale_attn_by_inverse_layer_idx", false),
    tiedHead: fields.boolean("tie_word_embeddings", true),
  };
}

/** `attribute_map` of transformers' GPT2Config: these names are read as if they were GPT-2's own. */
function withoutAliases(raw: JsonObject): JsonObject {
  const aliases = {
    hidden_size: "n_embd",
    max_position_embeddings: "n_positions",
    num_attention_heads: "n_head",
    num_hidden_layers: "n_layer",
  };
  const own = { ...raw };
  for (const [alias, name] of Object.entries(aliases)) {
    const value = raw[alias];
    if (value === undefined) continue;
    if (own[name] !== undefined && own[name] !== value) {
      throw new CheckpointError(`config.json: ${name} ${inspect(own[name])} contradicts ${alias} ${inspect(value)}`);
    }
    own[name] = value;
  }
  return own;
}

/** ONNX Runtime's attention kernel (GroupQueryAttention) takes head sizes that are multiples of 8. */
function headDimension(width: number, heads: number): number {
  const dimension = width / heads;
  if (!Number.isInteger(dimension)) {
    throw new CheckpointError(`config.json: n_embd ${width} must be a multiple of n_head ${heads}`);
  }
  if (dimension % 8 !== 0) {
    throw new CheckpointError(
      `config.json: n_embd ${width} / n_head ${heads} = ${dimension}: the size of a head must be a multiple of 8`,
    );
  }
  return dimension;
}

/** `x * weight + bias`, the bias [out]. */
export interface Linear {
  readonly weight: TensorRecord;
  /** The weight is [in, out] in transformers' files (Conv1D), [out, in] in llama.cpp's. */
  readonly major: Factor["major"];
  readonly bias: TensorRecord;
}

/** Both [width]. */
export interface Norm {
  readonly weight: TensorRecord;
  readonly bias: TensorRecord;
}

export interface Gpt2Layer {
  readonly attentionNorm: Norm;
  /** [width, 3 * width]: queries, keys, values. */
  readonly qkv: Linear;
  readonly attentionOutput: Linear;
  readonly mlpNorm: Norm;
  readonly mlpInner: Linear;
  readonly mlpOutput: Linear;
}

export interface Gpt2Weights {
  /** [vocabularySize, width] */
  readonly tokenEmbedding: TensorRecord;
  /** [positions, width] */
  readonly positionEmbedding: TensorRecord;
  readonly layers: readonly Gpt2Layer[];
  readonly finalNorm: Norm;
  /** [vocabularySize, width]; the token embedding itself when the head is tied. */
  readonly head: TensorRecord;
}

/**
 * Finds every weight of the model among the checkpoint's tensors.
 * @throws {CheckpointError} when one is missing, has another shape or an element type that cannot be served, or when
 * the checkpoint has a tensor that the model does not know.
 */
export function gpt2Weights(config: Gpt2Config, tensors: ReadonlyMap<string, TensorRecord>): Gpt2Weights {
  return new Gpt2WeightFinder(config, tensors).find();
}

const weightTypes: readonly string[] = ["float32", "float16", "bfloat16"];
/** The causal mask and its value for "not allowed", stored by older versions of transformers. */
const maskBuffer = /^h\.\d+\.attn\.(masked_)?bias$/;

class Gpt2WeightFinder {
  readonly #known = new Set<string>();
  /** Files saved from the base model name the tensors without it. */
  readonly #prefix: string;

  constructor(
    private readonly config: Gpt2Config,
    private readonly tensors: ReadonlyMap<string, TensorRecord>,
  ) {
    this.#prefix = [...tensors.keys()].some((name) => name.startsWith("transformer.")) ? "transformer." : "";
  }

  find(): Gpt2Weights {
    const { config } = this;
    const tokenEmbedding = this.#base("wte.weight", [config.vocabularySize, config.width]);
    const weights = {
      tokenEmbedding,
      positionEmbedding: this.#base("wpe.weight", [config.positions, config.width]),
      layers: Array.from({ length: config.layers }, (_, index) => this.#layer(`h.${index}`)),
      finalNorm: this.#norm("ln_f"),
      head: this.#head(tokenEmbedding),
    };
    this.#refuseUnknown();
    return weights;
  }

  #layer(name: string): Gpt2Layer {
    const { width, innerWidth } = this.config;
    return {
      attentionNorm: this.#norm(`${name}.ln_1`),
      qkv: this.#linear(`${name}.attn.c_attn`, width, 3 * width),
      attentionOutput: this.#linear(`${name}.attn.c_proj`, width, width),
      mlpNorm: this.#norm(`${name}.ln_2`),
      mlpInner: this.#linear(`${name}.mlp.c_fc`, width, innerWidth),
      mlpOutput: this.#linear(`${name}.mlp.c_proj`, innerWidth, width),
    };
  }

  /** A stored copy of a tied head is checked and not used: transformers ties it again after loading. */
  #head(tokenEmbedding: TensorRecord): TensorRecord {
    const name = "lm_head.weight";
    if (this.config.tiedHead && !this.tensors.has(name)) return tokenEmbedding;
    const stored = this.#tensor(name, [this.config.vocabularySize, this.config.width]);
    return this.config.tiedHead ? tokenEmbedding : stored;
  }

  #norm(name: string): Norm {
    return {
      weight: this.#base(`${name}.weight`, [this.config.width]),
      bias: this.#base(`${name}.bias`, [this.config.width]),
    };
  }

  #linear(name: string, inputs: number, outputs: number): Linear {
    const weight = `${name}.weight`;
    const bias = this.#base(`${name}.bias`, [outputs]);
    return this.tensors.get(this.#prefix + weight)?.isTransposed
      ? { weight: this.#base(weight, [outputs, inputs]), major: "output", bias }
      : { weight: this.#base(weight, [inputs, outputs]), major: "input", bias };
  }

  /** A tensor of the base model, by its name there. */
  #base(name: string, shape: readonly number[]): TensorRecord {
    return this.#tensor(this.#prefix + name, shape);
  }

  #tensor(name: string, shape: readonly number[]): TensorRecord {
    const record = this.tensors.get(name);
    if (record === undefined)
      throw new CheckpointError(`missing tensor ${name}, expected with shape [${shape.join(", ")}]`);
    if (!weightTypes.includes(record.elementType) && !isBlockType(record.elementType)) {
      throw new CheckpointError(
        `${record.file}: tensor ${name}: expected ${weightTypes.join(", ")}, found ${record.elementType}`,
      );
    }
    if (record.shape.length !== shape.length || record.shape.some((size, axis) => size !== shape[axis])) {
      throw new CheckpointError(
        `${record.file}: tensor ${name}: expected shape [${shape.join(", ")}], found [${record.shape.join(", ")}]`,
      );
    }
    this.#known.add(name);
    return record;
  }

  /** An unknown tensor would be a part of the model that is silently left out. */
  #refuseUnknown(): void {
    const isMask = (name: string) => name.startsWith(this.#prefix) && maskBuffer.test(name.slice(this.#prefix.length));
    const unknown = [...this.tensors.keys()].filter((name) => !this.#known.has(name) && !isMask(name));
    if (unknown.length === 0) return;
    const rest = unknown.length > 5 ? ` and ${unknown.length - 5} more` : "";
    throw new CheckpointError(
      `tensors that are not part of a GPT-2 with ${this.config.layers} layers: ${unknown.slice(0, 5).map(quote).join(", ")}${rest}`,
    );
  }
}

/** `1 / sqrt(headDim)` and `1 / (layer + 1)`, each where the configuration asks for it. */
export function attentionScale(config: Gpt2Config, layer: number): number {
  const byDimension = config.scaleAttention ? 1 / Math.sqrt(config.headDim) : 1;
  return config.scaleByInverseLayerIndex ? byDimension / (layer + 1) : byDimension;
}
