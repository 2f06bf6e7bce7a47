/**
 * Inputs and outputs that every decoder graph has, so that one runner serves every architecture.
 *
 * B = batch rows, S = tokens of each row in this run, R = positions whose logits are wanted, V = vocabulary.
 * One graph does prefill (B = 1) and decode (S = 1).
 *
 * | input | type, shape | |
 * | --- | --- | --- |
 * | token_ids | int32 [B, S] | |
 * | positions | int32 [B, S] | position of each token in its sequence |
 * | last_positions | int32 [B] | position of the last token of each row: tokens in the cache after this run, minus 1 |
 * | total_length | int32 [1] | the largest of `last_positions`, plus 1 |
 * | logit_rows | int32 [R] | indices into the B x S tokens |
 * | past_key.N, past_value.N | float32 [B, kvHeads, maxLength, headDim] | layer N's cache |
 *
 * | output | type, shape | |
 * | --- | --- | --- |
 * | present_key.N, present_value.N | as past | bound to the same memory: appended in place |
 * | logits | float32 [R, V] | |
 * | greedy_tokens | int32 [R] | the highest logit's id, the lowest id on ties |
 */
import { elementTypes } from "../../ort/index.js";
import { absent, type GraphBuilder, type Value } from "./graph-builder.js";

export const io = {
  tokenIds: "token_ids",
  positions: "positions",
  lastPositions: "last_positions",
  totalLength: "total_length",
  logitRows: "logit_rows",
  logits: "logits",
  greedyTokens: "greedy_tokens",
  pastKey: (layer: number): string => `past_key.${layer}`,
  pastValue: (layer: number): string => `past_value.${layer}`,
  presentKey: (layer: number): string => `present_key.${layer}`,
  presentValue: (layer: number): string => `present_value.${layer}`,
} as const;

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
}

/**
 * Causal attention over the cache of one layer, which grows in place by this run's tokens.
 * @param qkv float32 [B, S, (heads + 2 kvHeads) x headDim], query, key and value side by side.
 * @returns float32 [B, S, heads x headDim].
 *
 * com.microsoft.GroupQueryAttention: the only CPU kernel with a cache that is appended in place and
 * rows of different lengths. With `heads === kvHeads` it is multi-head attention.
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
  const pastKey = graph.input(io.pastKey(layer), "float32", cache);
  const pastValue = graph.input(io.pastValue(layer), "float32", cache);
  const [attention = absent] = graph.addNamed(
    "GroupQueryAttention",
    [qkv, absent, absent, pastKey, pastValue, inputs.lastPositions, inputs.totalLength],
    [`attention.${layer}`, io.presentKey(layer), io.presentValue(layer)],
    { num_heads: BigInt(options.heads), kv_num_heads: BigInt(shape.kvHeads), scale: options.scale },
    "com.microsoft",
  );
  graph.output(io.presentKey(layer), "float32", cache);
  graph.output(io.presentValue(layer), "float32", cache);
  return attention;
}

/**
 * Logits and greedy choice of the wanted rows.
 * @param hidden float32 [B x S, width], after the last normalisation.
 * @param head float32 [V, width].
 */
export function addHead(
  graph: GraphBuilder,
  shape: DecoderShape,
  inputs: DecoderInputs,
  hidden: Value,
  head: Value,
): void {
  const rows = graph.add("Gather", [hidden, inputs.logitRows], { axis: 0n });
  const [logits = absent] = graph.addNamed("Gemm", [rows, head], [io.logits], { transB: 1n });
  graph.output(io.logits, "float32", ["rows", shape.vocabularySize]);
  const best = graph.add("ArgMax", [logits], { axis: -1n, keepdims: 0n });
  graph.addNamed("Cast", [best], [io.greedyTokens], { to: BigInt(elementTypes.int32.onnx) });
  graph.output(io.greedyTokens, "int32", ["rows"]);
}
