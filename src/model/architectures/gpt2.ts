/**
 * GPT-2 as transformers computes it (modeling_gpt2.py), as an ONNX graph.
 *
 * Activations are [tokens, width] except around attention, which wants [batch, tokens, 3 x width].
 * Conv1D weights are stored [in, out], the matrix product's own layout, or transposed; the tied head is the embedding,
 * transposed.
 */
import { addCachedAttention, declareInputs, type DecoderInputs, type DecoderShape } from "../graph/decoder-io.js";
import { absent, GraphBuilder, type Value } from "../graph/graph-builder.js";
import { addHead } from "../graph/head.js";
import { float32Products, type Factor } from "../graph/products.js";
import { addRows, addWeight } from "../graph/weights.js";
import type { TensorRecord } from "../checkpoint/tensor-record.js";
import { addActivation } from "./gpt2-activations.js";
import {
  attentionScale,
  gpt2Weights,
  parseGpt2Config,
  type Gpt2Config,
  type Gpt2Layer,
  type Gpt2Weights,
  type Linear,
  type Norm,
} from "./gpt2-config.js";
import { Float16Gpt2Graph } from "./gpt2-float16.js";
import type { Architecture, GraphOptions } from "./index.js";

export const gpt2: Architecture = {
  name: "gpt2",
  classes: ["GPT2LMHeadModel", "GPT2Model"],
  read(checkpoint) {
    const config = parseGpt2Config(checkpoint.config);
    const weights = gpt2Weights(config, checkpoint.tensors);
    const shape = shapeOf(config);
    return {
      shape,
      hyperparameters: { ...config },
      weights: recordsOf(weights),
      factors: factorsOf(weights),
      buildGraph: (options = { products: float32Products }) => {
        const Graph = options.activations === "float16" ? Float16Gpt2Graph : Gpt2Graph;
        return new Graph(config, shape, options).build(weights);
      },
    };
  },
};

function shapeOf(config: Gpt2Config): DecoderShape {
  return {
    layers: config.layers,
    kvHeads: config.heads,
    headDim: config.headDim,
    vocabularySize: config.vocabularySize,
    positions: config.positions,
  };
}

/** Each record once: a tied head is the token embedding. */
function recordsOf(weights: Gpt2Weights): TensorRecord[] {
  const { tokenEmbedding, positionEmbedding, layers, finalNorm, head } = weights;
  const pairs = [finalNorm, ...layers.flatMap((layer) => Object.values<Norm | Linear>({ ...layer }))];
  const records = [tokenEmbedding, positionEmbedding, head, ...pairs.flatMap(({ weight, bias }) => [weight, bias])];
  return [...new Set(records)];
}

const linearFactor = ({ weight, major }: Linear): Factor => ({ record: weight, major });
const headFactor = ({ head }: Gpt2Weights): Factor => ({ record: head, major: "output" });

function factorsOf(weights: Gpt2Weights): Factor[] {
  const linears = weights.layers.flatMap(({ qkv, attentionOutput, mlpInner, mlpOutput }) => [
    qkv,
    attentionOutput,
    mlpInner,
    mlpOutput,
  ]);
  return [...linears.map(linearFactor), headFactor(weights)];
}

class Gpt2Graph {
  private readonly graph: GraphBuilder;
  private readonly inputs: DecoderInputs;
  /** Shapes [tokens, width] and [batch, tokens, 3 x width], for Reshape. */
  private readonly flatShape: Value;
  private readonly qkvShape: Value;

  constructor(
    private readonly config: Gpt2Config,
    private readonly shape: DecoderShape,
    private readonly options: GraphOptions,
  ) {
    this.graph = new GraphBuilder("gpt2", options.folder);
    this.inputs = declareInputs(this.graph);
    this.flatShape = this.graph.integers("flat_shape", [-1, config.width]);
    const batchAndTokens = this.graph.add("Shape", [this.inputs.tokenIds]);
    const qkvWidth = this.graph.integers("qkv_width", [3 * config.width]);
    this.qkvShape = this.graph.add("Concat", [batchAndTokens, qkvWidth], { axis: 0n });
  }

  build(weights: Gpt2Weights): Uint8Array<ArrayBuffer> {
    const tokens = addRows(this.graph, weights.tokenEmbedding, this.inputs.tokenIds);
    const positions = addRows(this.graph, weights.positionEmbedding, this.inputs.positions);
    let residual = this.flat(this.graph.add("Add", [tokens, positions]));
    // What the block before adds to the residual: the next normalisation takes the sum in the same pass.
    let branch: Value | undefined;
    for (const [index, layer] of weights.layers.entries()) {
      const first = this.norm(residual, branch, layer.attentionNorm);
      const second = this.norm(first.sum, this.attention(index, first.normed, layer), layer.mlpNorm);
      residual = second.sum;
      branch = this.mlp(second.normed, layer);
    }
    const { normed } = this.norm(residual, branch, weights.finalNorm);
    addHead(
      this.graph,
      this.shape,
      this.inputs,
      normed,
      (rows, output) => this.options.products.multiply(this.graph, rows, headFactor(weights), { output }),
      this.options.selection,
    );
    return this.graph.build();
  }

  private attention(index: number, x: Value, layer: Gpt2Layer): Value {
    const qkv = this.graph.add("Reshape", [this.linear(x, layer.qkv), this.qkvShape]);
    const { kvScales } = this.options;
    const options = { heads: this.config.heads, scale: attentionScale(this.config, index), kvScales };
    const attended = addCachedAttention(this.graph, this.shape, index, this.inputs, qkv, options);
    return this.linear(this.flat(attended), layer.attentionOutput);
  }

  private mlp(x: Value, layer: Gpt2Layer): Value {
    return this.linear(this.activation(this.linear(x, layer.mlpInner)), layer.mlpOutput);
  }

  private linear(x: Value, linear: Linear): Value {
    return this.options.products.multiply(this.graph, x, linearFactor(linear), { bias: linear.bias });
  }

  /** LayerNorm of `residual + branch`, and that sum. */
  private norm(residual: Value, branch: Value | undefined, norm: Norm): { normed: Value; sum: Value } {
    const scale = addWeight(this.graph, norm.weight);
    const bias = addWeight(this.graph, norm.bias);
    const epsilon = this.config.layerNormEpsilon;
    if (branch === undefined) {
      const normed = this.graph.add("LayerNormalization", [residual, scale, bias], { axis: -1n, epsilon });
      return { normed, sum: residual };
    }
    const outputs = [this.graph.fresh("normed"), "", "", this.graph.fresh("residual")];
    const [normed = absent, , , sum = absent] = this.graph.addNamed(
      "SkipLayerNormalization",
      [residual, branch, scale, bias],
      outputs,
      { epsilon },
      "com.microsoft",
    );
    return { normed, sum };
  }

  private activation(x: Value): Value {
    return addActivation(this.graph, this.config.activation, x);
  }

  /** float32 [batch x tokens, width] */
  private flat(x: Value): Value {
    const rows = this.graph.add("Reshape", [x, this.flatShape]);
    return this.graph.describe(rows, "float32", ["batch_x_tokens", this.config.width]);
  }
}
