/**
 * Inputs and outputs that every decoder graph has, so that one runner serves every architecture.
 *
 * B = batch rows, S = tokens of each row in this run, R = positions whose logits are wanted, V = vocabulary.
 * One graph does prefill (B = 1, or more where no row has a past) and decode (S = 1).
 *
 * | input | type, shape | |
 * | --- | --- | --- |
 * | token_ids | int32 [B, S] | |
 * | positions | int32 [B, S] | position of each token in its sequence |
 * | last_positions | int32 [B] | position of the last token of each row: tokens in the cache after this run, minus 1 |
 * | total_length | int32 [1] | at least the largest of `last_positions`, plus 1; S where no row has a past; in host memory on every device |
 * | logit_rows | int32 [R] | indices into the B x S tokens |
 * | past_key.N, past_value.N | float32, float16 or int8 [B, kvHeads, maxLength, headDim] | layer N's cache |
 *
 * | output | type, shape | |
 * | --- | --- | --- |
 * | present_key.N, present_value.N | as past | bound to the same memory: appended in place |
 * | logits | float32 [R, V] | |
 *
 * With the selection `block-maxima` also:
 *
 * | output | type, shape | |
 * | --- | --- | --- |
 * | block_maxima | float32 [R, 1, ceil(V / 64)] | the highest of each 64 logits in a row; NaN is passed over |
 *
 * With the selection `on-device` instead, K = 64, or V where that is smaller:
 *
 * | output | type, shape | |
 * | --- | --- | --- |
 * | best_token | int64 [R] | of the tokens with the highest logit the lowest, as far as they are among the top tokens |
 * | best_logit | float32 [R] | |
 * | log_sum_exp | float32 [R] | a logit minus this is the log of its probability |
 * | top_tokens | int64 [R, K] | by their logits, the highest first; the order of equal ones is the device's |
 * | top_logits | float32 [R, K] | of the top tokens |
 * | next_token_ids | int32 [R, 1] | the best token, as an input of the next decode |
 * | next_positions | int32 [B, S] | `positions` plus 1 |
 * | next_last_positions | int32 [B] | `last_positions` plus 1 |
 *
 * R is then at least 1, also where no logits are wanted: ONNX Runtime's TopK ends the process on no rows.
 *
 * With the selection `none` there is nothing beside the logits.
 */
import { elementTypes } from "../../ort/index.js";
import { absent, type GraphBuilder, type Value } from "./graph-builder.js";
import type { AttributeValue } from "./onnx.js";

export const io = {
  tokenIds: "token_ids",
  positions: "positions",
  lastPositions: "last_positions",
  totalLength: "total_length",
  logitRows: "logit_rows",
  logits: "logits",
  blockMaxima: "block_maxima",
  bestToken: "best_token",
  bestLogit: "best_logit",
  logSumExp: "log_sum_exp",
  topTokens: "top_tokens",
  topLogits: "top_logits",
  nextTokenIds: "next_token_ids",
  nextPositions: "next_positions",
  nextLastPositions: "next_last_positions",
  pastKey: (layer: number): string => `past_key.${layer}`,
  pastValue: (layer: number): string => `past_value.${layer}`,
  presentKey: (layer: number): string => `present_key.${layer}`,
  presentValue: (layer: number): string => `present_value.${layer}`,
} as const;

/** Logits that share a maximum. 64: the graph's pass over them is as fast as it gets, and few are looked at in vain. */
export const logitBlockLength = 64;

/** Maxima of a row of logits. */
export function logitBlocks({ vocabularySize }: Pick<DecoderShape, "vocabularySize">): number {
  return Math.ceil(vocabularySize / logitBlockLength);
}

/** Tokens that the selection `on-device` gives of a row: enough for most of what is sampled, a few hundred bytes. */
export const topCandidates = 64;

/** The K of `top_tokens` and `top_logits`. */
export function candidateCount({ vocabularySize }: Pick<DecoderShape, "vocabularySize">): number {
  return Math.min(topCandidates, vocabularySize);
}

/** What a graph says of its logits, so that few of them are looked at: see the tables above. */
export type Selection = "block-maxima" | "on-device" | "none";

/** Element types that a graph may compute in between its operators. */
export type ActivationDtype = "float32" | "float16";

/** Element types that a KV cache may have. */
export type KvDtype = ActivationDtype | "int8";

/** Of an int8 cache, for each layer and channel (kvHeads x headDim): a stored number times its scale is the value. */
export interface KvScales {
  readonly key: readonly Float32Array[];
  readonly value: readonly Float32Array[];
}

/** Sizes that the KV cache and the logits of a decoder follow from. */
export interface DecoderShape {
  readonly layers: number;
  /** Attention heads with keys and values of their own. */
  readonly kvHeads: number;
  readonly headDim: number;
  readonly vocabularySize: number;
  /** Positions that the model was made for. */
  readonly positions: number;
}

/** Bytes that one token of one sequence takes in a KV cache: a key and a value in every layer. */
export function kvBytesPerToken({ layers, kvHeads, headDim }: DecoderShape, dtype: KvDtype = "float32"): number {
  return 2 * layers * kvHeads * headDim * elementTypes[dtype].bytes;
}

export interface DecoderInputs {
  readonly tokenIds: Value;
  readonly positions: Value;
  readonly lastPositions: Value;
  readonly totalLength: Value;
  readonly logitRows: Value;
}

export function declareInputs(graph: GraphBuilder): DecoderInputs {
  return {
    tokenIds: graph.input(io.tokenIds, "int32", ["batch", "tokens"]),
    positions: graph.input(io.positions, "int32", ["batch", "tokens"]),
    lastPositions: graph.input(io.lastPositions, "int32", ["batch"]),
    totalLength: graph.input(io.totalLength, "int32", [1]),
    logitRows: graph.input(io.logitRows, "int32", ["rows"]),
  };
}

export interface AttentionOptions {
  readonly heads: number;
  /** Factor on query x key. */
  readonly scale: number;
  /** Makes the cache int8; absent, it is of the activations' type. */
  readonly kvScales?: KvScales | undefined;
  /** Of queries, keys and values; float32 by default. */
  readonly activations?: ActivationDtype | undefined;
}

/**
 * Causal attention over the cache of one layer, which grows in place by this run's tokens.
 * @param qkv [B, S, (heads + 2 kvHeads) x headDim], query, key and value side by side.
 * @returns [B, S, heads x headDim].
 *
 * com.microsoft.GroupQueryAttention: the only CPU kernel with a cache that is appended in place and
 * rows of different lengths. With `heads === kvHeads` it is multi-head attention. Its CUDA kernels have no float32.
 */
export function addCachedAttention(
  graph: GraphBuilder,
  shape: DecoderShape,
  layer: number,
  inputs: DecoderInputs,
  qkv: Value,
  options: AttentionOptions,
): Value {
  const cache = ["batch", shape.kvHeads, "cache", shape.headDim];
  const { heads, scale, kvScales, activations = "float32" } = options;
  const type: KvDtype = kvScales === undefined ? activations : "int8";
  const pastKey = graph.input(io.pastKey(layer), type, cache);
  const pastValue = graph.input(io.pastValue(layer), type, cache);
  const quantisation = kvScales === undefined ? noQuantisation : quantisationOf(graph, shape, layer, kvScales);
  const [attention = absent] = graph.addNamed(
    "GroupQueryAttention",
    [qkv, absent, absent, pastKey, pastValue, inputs.lastPositions, inputs.totalLength, ...quantisation.inputs],
    [`attention.${layer}`, io.presentKey(layer), io.presentValue(layer)],
    { num_heads: BigInt(heads), kv_num_heads: BigInt(shape.kvHeads), scale, ...quantisation.attributes },
    "com.microsoft",
  );
  graph.output(io.presentKey(layer), type, cache);
  graph.output(io.presentValue(layer), type, cache);
  return attention;
}

interface CacheQuantisation {
  /** Behind total_sequence_length: rotary tables, position ids, bias and sink, which are left out, and the scales. */
  readonly inputs: readonly Value[];
  readonly attributes: Readonly<Record<string, AttributeValue>>;
}

const noQuantisation: CacheQuantisation = { inputs: [], attributes: {} };

function quantisationOf(
  graph: GraphBuilder,
  { kvHeads, headDim }: DecoderShape,
  layer: number,
  scales: KvScales,
): CacheQuantisation {
  const constant = (name: string, values: Float32Array = new Float32Array()): Value =>
    graph.constant({
      ...{ name, elementType: "float32", shape: [1, kvHeads, 1, headDim] },
      bytes: new Uint8Array(values.slice().buffer),
    });
  const inputs = [
    constant(`key_scale.${layer}`, scales.key[layer]),
    constant(`value_scale.${layer}`, scales.value[layer]),
  ];
  const byChannel = "PER_CHANNEL";
  return {
    inputs: [absent, absent, absent, absent, absent, ...inputs],
    attributes: { k_quant_type: byChannel, v_quant_type: byChannel, kv_cache_bit_width: 8n },
  };
}
