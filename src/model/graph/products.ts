/**
 * The seam between an architecture and a precision: the one says what is multiplied, the other how.
 */
import { InternalError } from "../../errors.js";
import type { TensorRecord } from "../checkpoint/tensor-record.js";
import type { GraphBuilder, Value } from "./graph-builder.js";
import { addWeight } from "./weights.js";

/** A weight that activations are multiplied with. */
export interface Factor {
  readonly record: TensorRecord;
  /**
   * How the checkpoint stores it. `input`: [in, out], one row for each input (transformers' Conv1D). `output`:
   * [out, in], one row for each output (a table of token embeddings that is also the head).
   */
  readonly major: "input" | "output";
}

export interface FactorSize {
  readonly inputs: number;
  readonly outputs: number;
}

export function sizeOf({ record, major }: Factor): FactorSize {
  const [rows, columns] = record.shape;
  if (rows === undefined || columns === undefined) throw new InternalError(`${record.name} is no matrix`);
  return major === "input" ? { inputs: rows, outputs: columns } : { inputs: columns, outputs: rows };
}

export interface ProductOptions {
  /** [out] */
  readonly bias?: TensorRecord;
  /** Name of the result. */
  readonly output?: string;
}

/** How a graph computes its matrix products. One for each graph: it may remember values of that graph. */
export interface Products {
  /** `x` float32 [rows, in] times the factor, plus the bias: float32 [rows, out]. */
  multiply(graph: GraphBuilder, x: Value, factor: Factor, options?: ProductOptions): Value;
}

/** Weights and activations in float32. */
export const float32Products: Products = {
  multiply(graph, x, { record, major }, { bias, output = graph.fresh("Gemm") } = {}) {
    const inputs = [x, addWeight(graph, record), ...(bias === undefined ? [] : [addWeight(graph, bias)])];
    graph.addNamed("Gemm", inputs, [output], major === "output" ? { transB: 1n } : {});
    return { name: output };
  },
};
