/**
 * int8 by row and column (W8A8). A weight's column has one scale, symmetric; a row of activations has one scale, found
 * when it runs. Between them are sums of integers, exact in any order: a row's result depends on nothing but the row.
 *
 * Activations are unsigned with zero point 128: uint8 x int8 is what processors multiply (VNNI, AMX).
 */
import { elementTypes } from "../../ort/index.js";
import type { TensorRecord } from "../checkpoint/tensor-record.js";
import type { GraphBuilder, Value } from "../graph/graph-builder.js";
import { sizeOf, type Factor, type FactorSize, type ProductOptions, type Products } from "../graph/products.js";
import { addWeight } from "../graph/weights.js";
import { addStored, codesName, quantised, scalesName, smallestRange, type Scheme, type StoredType } from "./scheme.js";

/** Codes are in [-127, 127]. */
const levels = 127;

export const rowWise: Scheme = {
  dtype: "int8",
  /** The transposed table of an output-major factor: the matrix product takes its right side [in, out]. */
  codes: ({ inputs, outputs }) => ({ elementType: "int8", shape: [inputs, outputs] }),
  scales: ({ outputs }) => ({ elementType: "float32", shape: [outputs] }),
  outputAxis: 1,
  addQuantiser,
  products: (tensors) => new RowWiseProducts(tensors),
};

function addQuantiser(graph: GraphBuilder, weight: Value, major: Factor["major"]): void {
  const inputAxis = graph.integers("input_axis", [major === "input" ? 0 : 1]);
  const largest = graph.add("ReduceMax", [graph.add("Abs", [weight]), inputAxis], { keepdims: 1n });
  const range = graph.add("Max", [largest, graph.scalar(smallestRange)]);
  const scales = graph.add("Mul", [range, graph.scalar(1 / levels)]);
  graph.addNamed("Reshape", [scales, graph.integers("one_axis", [-1])], [quantised.scales]);
  const steps = graph.add("Round", [graph.add("Mul", [weight, graph.add("Div", [graph.scalar(levels), range])])]);
  const cast = { to: BigInt(elementTypes.int8.onnx) };
  if (major === "input") graph.addNamed("Cast", [steps], [quantised.codes], cast);
  else graph.addNamed("Transpose", [graph.add("Cast", [steps], cast)], [quantised.codes], { perm: [1, 0] });
}

/** Activations as codes, and what a code of each row is worth. */
interface RowCodes {
  /** uint8 [rows, in] */
  readonly codes: Value;
  /** float32 [rows, 1] */
  readonly scales: Value;
}

class RowWiseProducts implements Products {
  /** By the activations' name: several products of one normalised row share its codes. */
  readonly #activations = new Map<string, RowCodes>();

  constructor(private readonly tensors: ReadonlyMap<string, TensorRecord>) {}

  multiply(graph: GraphBuilder, x: Value, factor: Factor, options: ProductOptions = {}): Value {
    const { bias, output = graph.fresh("product") } = options;
    const { codes, scales } = this.#codesOf(graph, x);
    const columns = this.#product(graph, codes, factor);
    const rowScaled = bias === undefined ? output : graph.fresh("row_scaled");
    graph.addNamed("Mul", [columns, scales], [rowScaled]);
    if (bias !== undefined) graph.addNamed("Add", [{ name: rowScaled }, addWeight(graph, bias)], [output]);
    return { name: output };
  }

  /** Everything but the rows' scales. */
  #product(graph: GraphBuilder, codes: Value, factor: Factor): Value {
    const size: FactorSize = sizeOf(factor);
    const stored = (name: string, type: StoredType): Value => addStored(graph, this.tensors, name, type);
    const weight = stored(codesName(factor), rowWise.codes(size));
    const weightScales = stored(scalesName(factor), rowWise.scales(size));
    const inputs = [codes, weight, graph.scalar(1), weightScales, zeroPoint(graph, [])];
    return graph.add("MatMulIntegerToFloat", inputs, {}, "com.microsoft");
  }

  #codesOf(graph: GraphBuilder, x: Value): RowCodes {
    const known = this.#activations.get(x.name);
    if (known !== undefined) return known;
    const made = quantiseRows(graph, x);
    this.#activations.set(x.name, made);
    return made;
  }
}

function quantiseRows(graph: GraphBuilder, x: Value): RowCodes {
  const lastAxis = graph.integers("last_axis", [1]);
  const largest = graph.add("ReduceMax", [graph.add("Abs", [x]), lastAxis], { keepdims: 0n });
  const range = graph.add("Max", [largest, graph.scalar(smallestRange)]);
  const scales = graph.add("Mul", [range, graph.scalar(1 / levels)]);
  const zeroPoints = graph.add("Expand", [zeroPoint(graph, [1]), graph.add("Shape", [scales])]);
  const codes = graph.add("QuantizeLinear", [x, scales, zeroPoints], { axis: 0n });
  return { codes, scales: graph.add("Unsqueeze", [scales, lastAxis]) };
}

function zeroPoint(graph: GraphBuilder, shape: readonly number[]): Value {
  return graph.constant({ name: `zero_point_${shape.length}`, elementType: "uint8", shape, bytes: Uint8Array.of(128) });
}
