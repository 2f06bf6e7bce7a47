/**
 * A GPT-2's weights as those of a wider, deeper one that computes the same function: what a trained model of another
 * shape says, at the speed of that shape.
 *
 * The residual holds the source's `copies` times, side by side. Mean and variance of such a row are the source's, so a
 * LayerNorm's gain and bias are repeated; what reads the row (any matrix's inputs) is repeated and divided by `copies`,
 * what writes it is repeated. Heads are repeated likewise. Layers behind the source's add nothing to the residual: the
 * weights and biases of their output projections are zero.
 *
 * Tokens behind the source's all have the same logit, `silentLogit`, whatever the text: the final bias of the first two
 * copies is moved apart, which the tokens of the source cannot see, since theirs are the same in both.
 */
import type { Gpt2Config, Gpt2Layer, Gpt2Weights, Linear, Norm } from "../src/model/architectures/gpt2-config.js";
import type { TensorRecord } from "../src/model/checkpoint/tensor-record.js";
import type { Gpt2Sizes } from "./checkpoint.js";
import { HarnessError } from "./errors.js";

/** Heads follow from the width, since their size stays; positions are the source's. */
export type WidenedSizes = Pick<Gpt2Sizes, "layers" | "width" | "vocabularySize">;

/** A tensor of the wider model, made of one of the source's. */
export interface WidenedTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly source: TensorRecord;
  /** @param values the source's, row by row; matrices are [in, out]. */
  readonly widen: (values: Float32Array) => Float32Array;
}

/** Nothing beside any other token: its probability is zero in float32, and no draw can give it. */
const silentLogit = -1000;
/** How far the final bias is moved: little beside the activations, whose scale in int8 it must not widen. */
const silentShift = 0.05;

/** @throws {HarnessError} for sizes that the source cannot be widened to. */
export function copiesOf({ width, layers, vocabularySize }: Gpt2Config, wanted: WidenedSizes): number {
  const copies = wanted.width / width;
  if (!Number.isInteger(copies) || copies < 2)
    throw new HarnessError(
      `a width of ${width} cannot be widened to ${wanted.width}: 2, 3, ... times as wide is possible`,
    );
  if (wanted.layers < layers || wanted.vocabularySize < vocabularySize)
    throw new HarnessError(`${layers} layers and ${vocabularySize} tokens can become more, not fewer`);
  return copies;
}

/**
 * Every tensor of the wider model, under transformers' names.
 * @throws {HarnessError} for sizes that the source cannot be widened to, and for a head that is not the embedding.
 */
export function widenedTensors(config: Gpt2Config, weights: Gpt2Weights, wanted: WidenedSizes): WidenedTensor[] {
  const copies = copiesOf(config, wanted);
  if (!config.tiedHead) throw new HarnessError("only a head that is the token embedding can be widened");
  const widener = new Widener(config, copies);
  return [
    widener.tokenEmbedding(weights.tokenEmbedding, wanted.vocabularySize),
    widener.repeated("wpe.weight", weights.positionEmbedding, config.positions),
    ...Array.from({ length: wanted.layers }, (_, layer) => {
      const source = weights.layers[layer % config.layers];
      return source === undefined ? [] : widener.layer(`h.${layer}`, source, layer >= config.layers);
    }).flat(),
    ...widener.finalNorm(weights.finalNorm),
  ];
}

class Widener {
  constructor(
    private readonly config: Gpt2Config,
    private readonly copies: number,
  ) {}

  tokenEmbedding(source: TensorRecord, vocabularySize: number): WidenedTensor {
    const { copies } = this;
    const { width } = this.config;
    const columns = copies * width;
    const silent = silentLogit / (2 * width * silentShift);
    const widen = (values: Float32Array): Float32Array => {
      const table = new Float32Array(vocabularySize * columns);
      const known = repeatColumns(values, width, copies);
      table.set(known);
      for (let start = known.length; start < table.length; start += columns) {
        table.fill(silent, start, start + width);
        table.fill(-silent, start + width, start + 2 * width);
      }
      return table;
    };
    return tensor("wte.weight", [vocabularySize, columns], source, widen);
  }

  layer(name: string, source: Gpt2Layer, isSilent: boolean): WidenedTensor[] {
    const { width, innerWidth } = this.config;
    return [
      ...this.norm(`${name}.ln_1`, source.attentionNorm),
      ...this.linear(`${name}.attn.c_attn`, source.qkv, [width, 3 * width], { groups: 3 }),
      ...this.linear(`${name}.attn.c_proj`, source.attentionOutput, [width, width], { isSilent }),
      ...this.norm(`${name}.ln_2`, source.mlpNorm),
      ...this.linear(`${name}.mlp.c_fc`, source.mlpInner, [width, innerWidth]),
      ...this.linear(`${name}.mlp.c_proj`, source.mlpOutput, [innerWidth, width], { isSilent }),
    ];
  }

  /** The head is the embedding, which cannot be divided by `copies` for it: what it reads is instead. */
  finalNorm({ weight, bias }: Norm): WidenedTensor[] {
    const { copies } = this;
    const { width } = this.config;
    const widen = (values: Float32Array): Float32Array => scaled(repeatColumns(values, width, copies), 1 / copies);
    const widenAndShift = (values: Float32Array): Float32Array =>
      widen(values).map((value, i) => value + (i < width ? silentShift : i < 2 * width ? -silentShift : 0));
    return [
      tensor("ln_f.weight", [copies * width], weight, widen),
      tensor("ln_f.bias", [copies * width], bias, widenAndShift),
    ];
  }

  norm(name: string, { weight, bias }: Norm): WidenedTensor[] {
    return [this.repeated(`${name}.weight`, weight), this.repeated(`${name}.bias`, bias)];
  }

  /** Rows of the residual's width. */
  repeated(name: string, source: TensorRecord, rows?: number): WidenedTensor {
    const { copies } = this;
    const { width } = this.config;
    const shape = rows === undefined ? [copies * width] : [rows, copies * width];
    return tensor(name, shape, source, (values) => repeatColumns(values, width, copies));
  }

  /** @param groups of outputs that are next to each other, each repeated by itself: queries, keys and values. */
  linear(
    name: string,
    { weight, bias }: Linear,
    [inputs, outputs]: readonly [number, number],
    { groups = 1, isSilent = false }: { readonly groups?: number; readonly isSilent?: boolean } = {},
  ): WidenedTensor[] {
    const { copies } = this;
    const widen = (values: Float32Array): Float32Array =>
      isSilent ? new Float32Array(copies * values.length) : repeatColumns(values, outputs / groups, copies);
    const widenWeight = (values: Float32Array): Float32Array => repeatAll(scaled(widen(values), 1 / copies), copies);
    return [
      tensor(`${name}.weight`, [copies * inputs, copies * outputs], weight, widenWeight),
      tensor(`${name}.bias`, [copies * outputs], bias, widen),
    ];
  }
}

function tensor(
  name: string,
  shape: readonly number[],
  source: TensorRecord,
  widen: WidenedTensor["widen"],
): WidenedTensor {
  return { name: `transformer.${name}`, shape, source, widen };
}

/** Every run of `length` numbers, `copies` times. */
function repeatColumns(values: Float32Array, length: number, copies: number): Float32Array {
  const repeated = new Float32Array(copies * values.length);
  for (let start = 0; start < values.length; start += length) {
    const run = values.subarray(start, start + length);
    for (let copy = 0; copy < copies; copy += 1) repeated.set(run, copies * start + copy * length);
  }
  return repeated;
}

const repeatAll = (values: Float32Array, copies: number): Float32Array => repeatColumns(values, values.length, copies);

const scaled = (values: Float32Array, factor: number): Float32Array => values.map((value) => value * factor);
