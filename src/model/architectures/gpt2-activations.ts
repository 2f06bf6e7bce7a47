/** The functions between the two layers of an MLP. */
import type { GraphBuilder, Value } from "../graph/graph-builder.js";
import type { Activation } from "./gpt2-config.js";

/** @param bias added to `x` before: by the same kernel, where it takes one. */
export function addActivation(graph: GraphBuilder, activation: Activation, x: Value, bias?: Value): Value {
  return activations[activation](graph, x, bias);
}

type AddActivation = (graph: GraphBuilder, x: Value, bias?: Value) => Value;

const tanhGelu: AddActivation = (graph, x, bias) =>
  graph.add("FastGelu", bias === undefined ? [x] : [x, bias], {}, "com.microsoft");

/** A kernel without a bias of its own. */
const biasedFirst =
  (add: (graph: GraphBuilder, x: Value) => Value): AddActivation =>
  (graph, x, bias) =>
    add(graph, bias === undefined ? x : graph.add("Add", [x, bias]));

/** x * sigmoid(alpha * x). */
const sigmoidGelu = (alpha: number): AddActivation =>
  biasedFirst((graph, x) => graph.add("QuickGelu", [x], { alpha }, "com.microsoft"));

/** transformers' names for activation functions (activations.py, ACT2FN). */
const activations: Readonly<Record<Activation, AddActivation>> = {
  gelu_new: tanhGelu,
  gelu_fast: tanhGelu,
  gelu_pytorch_tanh: tanhGelu,
  gelu: biasedFirst((graph, x) => graph.add("Gelu", [x], {}, "com.microsoft")),
  quick_gelu: sigmoidGelu(1.702),
  silu: sigmoidGelu(1),
  swish: sigmoidGelu(1),
  relu: biasedFirst((graph, x) => graph.add("Relu", [x])),
  tanh: biasedFirst((graph, x) => graph.add("Tanh", [x])),
};
