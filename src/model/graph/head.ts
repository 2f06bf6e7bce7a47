/** The end of every decoder graph: logits, and what they say without being looked at one by one. */
import {
  io,
  logitBlockLength,
  logitBlocks,
  type DecoderInputs,
  type DecoderShape,
  type Selection,
} from "./decoder-io.js";
import type { GraphBuilder, Value } from "./graph-builder.js";
import { addNextInputs, addSelection } from "./selection.js";

/**
 * Logits of the wanted rows, and the selection's outputs.
 * @param hidden [B x S, width], after the last normalisation.
 * @param multiply the product of rows [R, width] with the head as float32 [R, V], under the name given.
 */
export function addHead(
  graph: GraphBuilder,
  shape: DecoderShape,
  inputs: DecoderInputs,
  hidden: Value,
  multiply: (rows: Value, output: string) => Value,
  selection: Selection = "block-maxima",
): void {
  const rows = graph.add("Gather", [hidden, inputs.logitRows], { axis: 0n });
  const logits = multiply(rows, io.logits);
  graph.output(io.logits, "float32", ["rows", shape.vocabularySize]);
  if (selection === "on-device") {
    addSelection(graph, shape, logits);
    addNextInputs(graph, inputs);
  }
  if (selection === "block-maxima") addBlockMaxima(graph, shape, logits);
}

/** The highest of each block of logits: where the likely tokens are is found without a look at all. */
function addBlockMaxima(graph: GraphBuilder, shape: DecoderShape, logits: Value): void {
  const channels = graph.add("Unsqueeze", [logits, graph.integers("channel_axis", [1])]);
  const block = [logitBlockLength];
  graph.addNamed("MaxPool", [channels], [io.blockMaxima], { kernel_shape: block, strides: block, ceil_mode: 1n });
  graph.output(io.blockMaxima, "float32", ["rows", 1, logitBlocks(shape)]);
}
