/**
 * GPT-2 in float16: what `gpt2.ts` computes, in nodes that each have a CUDA kernel, so that nothing falls back to the
 * CPU and a decode can be captured as a CUDA graph.
 *
 * Activations are [batch, tokens, width] all the way: no shape is computed at run time. Biases are left to the kernel
 * behind a product, where it takes one: FastGelu and SkipLayerNormalization do. Normalisation, softmax and products are
 * float32 inside their kernels; the residual stream between layers is float16, as in transformers.
 */
import type { TensorRecord } from "../checkpoint/tensor-record.js";
import { addCachedAttention, declareInputs, type DecoderInputs, type DecoderShape } from "../graph/decoder-io.js";
import { addFloat16Weight } from "../graph/float16.js";
import { absent, GraphBuilder, type Value } from "../graph/graph-builder.js";
import { addHead } from "../graph/head.js";
import { elementTypes } from "../../ort/index.js";
import { addActivation } from "./gpt2-activations.js";
import {
  attentionScale,
  type Gpt2Config,
  type Gpt2Layer,
  type Gpt2Weights,
  type Linear,
  type Norm,
} from "./gpt2-config.js";
import type { GraphOptions } from "./index.js";

/** What the next normalisation adds to the residual stream. */
interface Branch {
  readonly value: Value;
  /** Not yet added to `value`. */
  readonly bias?: TensorRecord;
}

export class Float16Gpt2Graph {
  private readonly graph: GraphBuilder;
  private readonly inputs: DecoderInputs;

  constructor(
    private readonly config: Gpt2Config,
    private readonly shape: DecoderShape,
    private readonly options: GraphOptions,
  ) {
    this.graph = new GraphBuilder("gpt2", options.folder);
    this.inputs = declareInputs(this.graph);
  }

  /** @param weights all in float16. */
  build(weights: Gpt2Weights): Uint8Array<ArrayBuffer> {
    let residual = this.rowsOf(weights.tokenEmbedding, this.inputs.tokenIds);
    let branch: Branch = { value: this.rowsOf(weights.positionEmbedding, this.inputs.positions) };
    for (const [index, layer] of weights.layers.entries()) {
      const first = this.norm(residual, branch, layer.attentionNorm);
      const second = this.norm(first.sum, this.attention(index, first.normed, layer), layer.mlpNorm);
      residual = second.sum;
      branch = this.mlp(second.normed, layer);
    }
    this.head(this.norm(residual, branch, weights.finalNorm).normed, weights.head);
    return this.graph.build();
  }

  private rowsOf(table: TensorRecord, indices: Value): Value {
    return this.graph.add("Gather", [addFloat16Weight(this.graph, table), indices], { axis: 0n });
  }

  private attention(index: number, x: Value, layer: Gpt2Layer): Branch {
    const { qkv, attentionOutput } = layer;
    const projected = this.product(x, qkv, qkv.bias);
    const scale = attentionScale(this.config, index);
    const options = { heads: this.config.heads, scale, activations: "float16" } as const;
    const attended = addCachedAttention(this.graph, this.shape, index, this.inputs, projected, options);
    this.graph.describe(attended, "float16", ["batch", "tokens", this.config.width]);
    return { value: this.product(attended, attentionOutput), bias: attentionOutput.bias };
  }

  private mlp(x: Value, { mlpInner, mlpOutput }: Gpt2Layer): Branch {
    const bias = addFloat16Weight(this.graph, mlpInner.bias);
    const inner = addActivation(this.graph, this.config.activation, this.product(x, mlpInner), bias);
    return { value: this.product(inner, mlpOutput), bias: mlpOutput.bias };
  }

  private product(x: Value, { weight, major }: Linear, bias?: TensorRecord): Value {
    const options = bias === undefined ? {} : { bias };
    return this.options.products.multiply(this.graph, x, { record: weight, major }, options);
  }

  /** LayerNorm of the residual and its branch, and their sum. */
  private norm(residual: Value, { value, bias }: Branch, norm: Norm): { normed: Value; sum: Value } {
    const weights = [norm.weight, norm.bias, ...(bias === undefined ? [] : [bias])];
    const inputs = [residual, value, ...weights.map((weight) => addFloat16Weight(this.graph, weight))];
    const outputs = [this.graph.fresh("normed"), "", "", this.graph.fresh("residual")];
    const epsilon = this.config.layerNormEpsilon;
    const operator = "SkipLayerNormalization";
    const added = this.graph.addNamed(operator, inputs, outputs, { epsilon }, "com.microsoft");
    const [normed = absent, , , sum = absent] = added;
    return { normed, sum };
  }

  private head(hidden: Value, record: TensorRecord): void {
    const { width } = this.config;
    const rows = this.graph.add("Reshape", [hidden, this.graph.integers("flat_shape", [-1, width])]);
    this.graph.describe(rows, "float16", ["batch_x_tokens", width]);
    addHead(
      this.graph,
      this.shape,
      this.inputs,
      rows,
      (wanted, output) => {
        const logits = this.options.products.multiply(this.graph, wanted, { record, major: "output" });
        const [widened = absent] = this.graph.addNamed("Cast", [logits], [output], toFloat32);
        return widened;
      },
      this.options.selection,
    );
  }
}

const toFloat32 = { to: BigInt(elementTypes.float32.onnx) };
