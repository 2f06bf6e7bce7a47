/**
 * int8 or int4 in blocks of 32 numbers along the inputs, each with a scale (com.microsoft.MatMulNBits). The kernel
 * quantises activations in blocks too (accuracy level 4).
 *
 * Block size and accuracy level are what bit identity allows: other levels, and blocks of 128 and 256, give a row other
 * bits among other rows (docs/decisions/0017-int8.md).
 */
import { elementTypes } from "../../ort/index.js";
import type { TensorRecord } from "../checkpoint/tensor-record.js";
import type { GraphBuilder, Value } from "../graph/graph-builder.js";
import { sizeOf, type Factor, type FactorSize, type Products } from "../graph/products.js";
import { addWeight } from "../graph/weights.js";
import { addStored, codesName, quantised, scalesName, smallestRange, type Scheme } from "./scheme.js";

const blockSize = 32;
const accuracyLevel = 4n;
const blocksOf = (inputs: number): number => Math.ceil(inputs / blockSize);

/** Codes of 8 bits with zero point 128. */
export const blockInt8 = blockScheme("int8-block", 8, addInt8);
/** Codes of 4 bits with zero point 8, two in a byte, the first one low. */
export const blockInt4 = blockScheme("int4", 4, addInt4);

function blockScheme(
  dtype: Scheme["dtype"],
  bits: 4 | 8,
  addCodes: (graph: GraphBuilder, blocks: Value) => void,
): Scheme {
  const codes: Scheme["codes"] = ({ inputs, outputs }) => ({
    elementType: "uint8",
    shape: [outputs, blocksOf(inputs), (blockSize * bits) / 8],
  });
  const scales: Scheme["scales"] = ({ inputs, outputs }) => ({
    elementType: "float32",
    shape: [outputs, blocksOf(inputs)],
  });
  return {
    ...{ dtype, codes, scales, outputAxis: 0 },
    addQuantiser: (graph, weight, major, inputs) => {
      addCodes(graph, addBlocks(graph, weight, major, inputs));
      const shapeOf = (of: Scheme["codes"]): number[] => [-1, ...of({ inputs, outputs: 0 }).shape.slice(1)];
      const reshape = (name: string, shape: number[]): void => {
        graph.addNamed("Reshape", [{ name: `flat_${name}` }, graph.integers(`${name}_shape`, shape)], [name]);
      };
      reshape(quantised.codes, shapeOf(codes));
      reshape(quantised.scales, shapeOf(scales));
    },
    products: (tensors) => blockProducts(tensors, bits, { codes, scales }),
  };
}

/** The weight as float32 [outputs x blocks, 32], an output's last block filled up with zeros. */
function addBlocks(graph: GraphBuilder, weight: Value, major: Factor["major"], inputs: number): Value {
  const outputMajor = major === "output" ? weight : graph.add("Transpose", [weight], { perm: [1, 0] });
  const missing = blocksOf(inputs) * blockSize - inputs;
  const pads = graph.integers("pads", [0, 0, 0, missing]);
  const padded = missing === 0 ? outputMajor : graph.add("Pad", [outputMajor, pads]);
  return graph.add("Reshape", [padded, graph.integers("block_shape", [-1, blockSize])]);
}

function addInt8(graph: GraphBuilder, blocks: Value): void {
  const [levels, zeroPoint] = [127, 128];
  const lastAxis = graph.integers("last_axis", [1]);
  const largest = graph.add("ReduceMax", [graph.add("Abs", [blocks]), lastAxis], { keepdims: 1n });
  const range = graph.add("Max", [largest, graph.scalar(smallestRange)]);
  graph.addNamed("Mul", [range, graph.scalar(1 / levels)], [`flat_${quantised.scales}`]);
  const steps = graph.add("Round", [graph.add("Mul", [blocks, graph.add("Div", [graph.scalar(levels), range])])]);
  const codes = graph.add("Add", [steps, graph.scalar(zeroPoint)]);
  graph.addNamed("Cast", [codes], [`flat_${quantised.codes}`], { to: BigInt(elementTypes.uint8.onnx) });
}

/** The number furthest from zero becomes code 0, eight steps below the zero point: no code is left unused. */
function addInt4(graph: GraphBuilder, blocks: Value): void {
  const [levels, zeroPoint] = [8, 8];
  const lastAxis = graph.integers("last_axis", [1]);
  const highest = graph.add("ReduceMax", [blocks, lastAxis], { keepdims: 1n });
  const lowest = graph.add("ReduceMin", [blocks, lastAxis], { keepdims: 1n });
  const isHigh = graph.add("Greater", [highest, graph.add("Neg", [lowest])]);
  // A positive scale turns a block whose lowest number is the furthest from zero, a negative one the others.
  const high = graph.add("Max", [highest, graph.scalar(smallestRange)]);
  const low = graph.add("Min", [lowest, graph.scalar(-smallestRange)]);
  const extreme = graph.add("Where", [isHigh, high, low]);
  graph.addNamed("Mul", [extreme, graph.scalar(-1 / levels)], [`flat_${quantised.scales}`]);
  const steps = graph.add("Round", [graph.add("Mul", [blocks, graph.add("Div", [graph.scalar(-levels), extreme])])]);
  const codes = graph.add("Clip", [
    graph.add("Add", [steps, graph.scalar(zeroPoint)]),
    graph.scalar(0),
    graph.scalar(2 * zeroPoint - 1),
  ]);
  const pairs = graph.add("Reshape", [codes, graph.integers("pair_shape", [-1, 2])]);
  const weights = new Uint8Array(Float32Array.of(1, 16).buffer);
  const places = graph.constant({ name: "places", elementType: "float32", shape: [2, 1], bytes: weights });
  const bytes = graph.add("MatMul", [pairs, places]);
  graph.addNamed("Cast", [bytes], [`flat_${quantised.codes}`], { to: BigInt(elementTypes.uint8.onnx) });
}

function blockProducts(
  tensors: ReadonlyMap<string, TensorRecord>,
  bits: 4 | 8,
  types: Pick<Scheme, "codes" | "scales">,
): Products {
  return {
    multiply(graph, x, factor, { bias, output = graph.fresh("product") } = {}) {
      const size: FactorSize = sizeOf(factor);
      const codes = addStored(graph, tensors, codesName(factor), types.codes(size));
      const scales = addStored(graph, tensors, scalesName(factor), types.scales(size));
      const product = bias === undefined ? output : graph.fresh("unbiased");
      const attributes = {
        ...{ K: BigInt(size.inputs), N: BigInt(size.outputs) },
        ...{ bits: BigInt(bits), block_size: BigInt(blockSize), accuracy_level: accuracyLevel },
      };
      graph.addNamed("MatMulNBits", [x, codes, scales], [product], attributes, "com.microsoft");
      if (bias !== undefined) graph.addNamed("Add", [{ name: product }, addWeight(graph, bias)], [output]);
      return { name: output };
    },
  };
}
