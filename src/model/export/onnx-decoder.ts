/**
 * What a decoder has in ONNX outside of Ortler: optimum's names and shapes, which `ORTModelForCausalLM` loads,
 * and ONNX's own operators only.
 *
 * B = batch rows, S = tokens of each row in this run, P = tokens in the cache before it (0 in a first run).
 *
 * | input | type, shape | |
 * | --- | --- | --- |
 * | input_ids | int64 [B, S] | |
 * | attention_mask | int64 [B, P + S] | 0 where a row is padded, else 1 |
 * | position_ids | int64 [B, S] | position of each token in its text |
 * | past_key_values.N.key, .value | float32 [B, heads, P, headDim] | layer N's cache |
 *
 * | output | type, shape | |
 * | --- | --- | --- |
 * | logits | float32 [B, S, V] | |
 * | present.N.key, present.N.value | float32 [B, heads, P + S, headDim] | the cache of the next run |
 */
import type { DecoderShape } from "../graph/decoder-io.js";
import { GraphBuilder, type Value } from "../graph/graph-builder.js";

/** TensorProto.DataType.BOOL. */
const boolean = 9n;
/** What transformers puts in the place of a score that may not count: finite, so that a row of them is no NaN. */
const lowest = -(2 - 2 ** -23) * 2 ** 127;

export class OnnxDecoder {
  readonly graph: GraphBuilder;
  readonly inputIds: Value;
  readonly positionIds: Value;
  /** Bool [B, 1, S, P + S]: whether a token of this run sees a token of the cache. */
  readonly #isVisible: Value;
  /** [B, S] */
  readonly #batchAndTokens: Value;
  readonly #headShape: Value;
  readonly #flatShape: Value;

  constructor(
    name: string,
    private readonly shape: DecoderShape,
  ) {
    this.graph = new GraphBuilder(name);
    const tokens = ["batch_size", "sequence_length"];
    this.inputIds = this.graph.input("input_ids", "int64", tokens);
    const mask = this.graph.input("attention_mask", "int64", ["batch_size", "past_sequence_length + sequence_length"]);
    this.positionIds = this.graph.input("position_ids", "int64", tokens);
    this.#batchAndTokens = this.graph.add("Shape", [this.inputIds]);
    this.#headShape = this.#withTokens("head_shape", [shape.kvHeads, shape.headDim]);
    this.#flatShape = this.graph.integers("flat_shape", [-1, shape.kvHeads * shape.headDim]);
    this.#isVisible = this.#addMask(mask);
  }

  /** [B, S, width] as [B x S, width]. */
  flat(x: Value): Value {
    return this.graph.add("Reshape", [x, this.#flatShape]);
  }

  /**
   * Causal attention of as many key heads as query heads over the cache of one layer, and the cache that comes of it.
   * @param qkv float32 [B x S, 3 x heads x headDim], query, key and value side by side.
   * @returns float32 [B x S, heads x headDim].
   */
  attention(layer: number, qkv: Value, scale: number): Value {
    const { graph } = this;
    const part = (name: string): Value => ({ name: `${name}.${layer}` });
    const [query, key, value] = [part("query"), part("key"), part("value")];
    const parts = [query, key, value].map(({ name }) => name);
    graph.addNamed("Split", [qkv], parts, { axis: -1n, num_outputs: 3n });
    const keys = this.#extendCache(layer, "key", this.#heads(key));
    const values = this.#extendCache(layer, "value", this.#heads(value));
    const transposedKeys = graph.add("Transpose", [keys], { perm: [0, 1, 3, 2] });
    const scores = graph.add("Mul", [graph.add("MatMul", [this.#heads(query), transposedKeys]), graph.scalar(scale)]);
    const visible = graph.add("Where", [this.#isVisible, scores, graph.scalar(lowest)]);
    const attended = graph.add("MatMul", [graph.add("Softmax", [visible], { axis: -1n }), values]);
    return this.flat(graph.add("Transpose", [attended], { perm: [0, 2, 1, 3] }));
  }

  /** @param rows float32 [B x S, V]. */
  logits(rows: Value): void {
    const { vocabularySize } = this.shape;
    this.graph.addNamed("Reshape", [rows, this.#withTokens("logits_shape", [vocabularySize])], ["logits"]);
    this.graph.output("logits", "float32", ["batch_size", "sequence_length", vocabularySize]);
  }

  /** [B x S, heads x headDim] as [B, heads, S, headDim]. */
  #heads(x: Value): Value {
    const split = this.graph.add("Reshape", [x, this.#headShape]);
    return this.graph.add("Transpose", [split], { perm: [0, 2, 1, 3] });
  }

  #extendCache(layer: number, part: "key" | "value", added: Value): Value {
    const { kvHeads, headDim } = this.shape;
    const cache = (length: string): (number | string)[] => ["batch_size", kvHeads, length, headDim];
    const past = this.graph.input(`past_key_values.${layer}.${part}`, "float32", cache("past_sequence_length"));
    const present = `present.${layer}.${part}`;
    this.graph.addNamed("Concat", [past, added], [present], { axis: 2n });
    this.graph.output(present, "float32", cache("past_sequence_length + sequence_length"));
    return { name: present };
  }

  /** The vector [B, S, ...sizes]. */
  #withTokens(name: string, sizes: readonly number[]): Value {
    return this.graph.add("Concat", [this.#batchAndTokens, this.graph.integers(name, sizes)], { axis: 0n });
  }

  /** Of the P + S tokens, token P + s of this run sees those up to itself, without padding. */
  #addMask(mask: Value): Value {
    const { graph } = this;
    const second = { start: 1n, end: 2n };
    const run = graph.add("Squeeze", [graph.add("Shape", [this.inputIds], second)]);
    const total = graph.add("Squeeze", [graph.add("Shape", [mask], second)]);
    const [zero, one] = [this.#integer("zero", 0n), this.#integer("one", 1n)];
    const all = graph.add("Range", [zero, total, one]);
    const own = graph.add("Range", [graph.add("Sub", [total, run]), total, one]);
    const ownColumn = graph.add("Unsqueeze", [own, graph.integers("column_axis", [1])]);
    const isBefore = graph.add("LessOrEqual", [all, ownColumn]);
    const isText = graph.add("Unsqueeze", [
      graph.add("Cast", [mask], { to: boolean }),
      graph.integers("mask_axes", [1, 2]),
    ]);
    return graph.add("And", [isText, isBefore]);
  }

  #integer(name: string, value: bigint): Value {
    const bytes = new Uint8Array(BigInt64Array.of(value).buffer);
    return this.graph.constant({ name, elementType: "int64", shape: [], bytes });
  }
}
