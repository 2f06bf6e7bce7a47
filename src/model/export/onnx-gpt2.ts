/**
 * GPT-2 for whoever runs ONNX: the arithmetic of `architectures/gpt2.ts` in ONNX's own operators. Slower here, as the
 * cache is copied in every run, and at home everywhere.
 */
import {
  attentionScale,
  gpt2Weights,
  parseGpt2Config,
  type Activation,
  type Gpt2Config,
} from "../architectures/gpt2-config.js";
import type { Gpt2Layer, Gpt2Weights, Linear, Norm } from "../architectures/gpt2-config.js";
import type { JsonObject } from "../checkpoint/json.js";
import type { TensorRecord } from "../checkpoint/tensor-record.js";
import type { GraphBuilder, Value } from "../graph/graph-builder.js";
import { float32Products } from "../graph/products.js";
import { addRows, addWeight } from "../graph/weights.js";
import { OnnxDecoder } from "./onnx-decoder.js";

/** The bytes of an ONNX model whose weights are where `tensors` says. */
export function gpt2Onnx(raw: JsonObject, tensors: ReadonlyMap<string, TensorRecord>): Uint8Array {
  const config = parseGpt2Config(raw);
  return new Gpt2Onnx(config).build(gpt2Weights(config, tensors));
}

class Gpt2Onnx {
  readonly #decoder: OnnxDecoder;
  readonly #graph: GraphBuilder;

  constructor(private readonly config: Gpt2Config) {
    const { layers, heads: kvHeads, headDim, vocabularySize, positions } = config;
    this.#decoder = new OnnxDecoder("gpt2", { layers, kvHeads, headDim, vocabularySize, positions });
    this.#graph = this.#decoder.graph;
  }

  build({ tokenEmbedding, positionEmbedding, layers, finalNorm, head }: Gpt2Weights): Uint8Array {
    const tokens = addRows(this.#graph, tokenEmbedding, this.#decoder.inputIds);
    const positions = addRows(this.#graph, positionEmbedding, this.#decoder.positionIds);
    let hidden = this.#decoder.flat(this.#graph.add("Add", [tokens, positions]));
    for (const [index, layer] of layers.entries()) {
      hidden = this.#graph.add("Add", [hidden, this.#attention(index, hidden, layer)]);
      hidden = this.#graph.add("Add", [hidden, this.#mlp(hidden, layer)]);
    }
    const normed = this.#norm(hidden, finalNorm);
    this.#decoder.logits(float32Products.multiply(this.#graph, normed, { record: head, major: "output" }));
    return this.#graph.build();
  }

  #attention(index: number, hidden: Value, layer: Gpt2Layer): Value {
    const qkv = this.#linear(this.#norm(hidden, layer.attentionNorm), layer.qkv);
    return this.#linear(this.#decoder.attention(index, qkv, attentionScale(this.config, index)), layer.attentionOutput);
  }

  #mlp(hidden: Value, layer: Gpt2Layer): Value {
    const inner = this.#linear(this.#norm(hidden, layer.mlpNorm), layer.mlpInner);
    return this.#linear(activations[this.config.activation](this.#graph, inner), layer.mlpOutput);
  }

  #linear(x: Value, { weight, major, bias }: Linear): Value {
    return float32Products.multiply(this.#graph, x, { record: weight, major }, { bias });
  }

  #norm(x: Value, { weight, bias }: Norm): Value {
    const inputs = [x, addWeight(this.#graph, weight), addWeight(this.#graph, bias)];
    return this.#graph.add("LayerNormalization", inputs, { axis: -1n, epsilon: this.config.layerNormEpsilon });
  }
}

type AddActivation = (graph: GraphBuilder, x: Value) => Value;

const gelu =
  (approximate: "tanh" | "none"): AddActivation =>
  (graph, x) =>
    graph.add("Gelu", [x], { approximate });
/** x * sigmoid(alpha * x). */
const sigmoidGelu =
  (alpha: number): AddActivation =>
  (graph, x) =>
    graph.add("Mul", [x, graph.add("Sigmoid", [graph.add("Mul", [x, graph.scalar(alpha)])])]);

/** transformers' names for activation functions (activations.py, ACT2FN). */
const activations: Readonly<Record<Activation, AddActivation>> = {
  gelu_new: gelu("tanh"),
  gelu_fast: gelu("tanh"),
  gelu_pytorch_tanh: gelu("tanh"),
  gelu: gelu("none"),
  quick_gelu: sigmoidGelu(1.702),
  silu: sigmoidGelu(1),
  swish: sigmoidGelu(1),
  relu: (graph, x) => graph.add("Relu", [x]),
  tanh: (graph, x) => graph.add("Tanh", [x]),
};
