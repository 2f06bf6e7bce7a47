/** Weights and activations in float16. Kernels add up in float32 and round once, when they write. */
import { InternalError } from "../../errors.js";
import type { TensorRecord } from "../checkpoint/tensor-record.js";
import type { GraphBuilder, Value } from "./graph-builder.js";
import type { Products } from "./products.js";
import { addStoredWeight } from "./weights.js";

/** A weight that is stored in float16, as it is: a device gets the file's own bytes. */
export function addFloat16Weight(graph: GraphBuilder, record: TensorRecord): Value {
  if (record.elementType !== "float16") throw new InternalError(`${record.name} is ${record.elementType}, not float16`);
  return addStoredWeight(graph, record);
}

/** `x` float16 [..., in] gives float16 [..., out]. */
export const float16Products: Products = {
  multiply(graph, x, { record, major }, { bias, output = graph.fresh("product") } = {}) {
    const product = bias === undefined ? output : graph.fresh("unbiased");
    const inputs = [x, addFloat16Weight(graph, record)];
    // Gemm takes no more than two dimensions, MatMul no transposed side.
    if (major === "input") graph.addNamed("MatMul", inputs, [product]);
    else graph.addNamed("FusedMatMul", inputs, [product], { transB: 1n }, "com.microsoft");
    if (bias !== undefined) graph.addNamed("Add", [{ name: product }, addFloat16Weight(graph, bias)], [output]);
    return { name: output };
  },
};
