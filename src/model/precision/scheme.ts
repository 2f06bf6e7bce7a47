/**
 * What every way of storing factors in few bits has in common: codes and their scales, found by an ONNX graph at load
 * and multiplied with by the model's graph.
 */
import { InternalError } from "../../errors.js";
import type { TensorRecord } from "../checkpoint/tensor-record.js";
import type { GraphBuilder, Value } from "../graph/graph-builder.js";
import type { Factor, FactorSize, Products } from "../graph/products.js";
import type { SmallDtype } from "./dtypes.js";

export interface StoredType {
  readonly elementType: "float32" | "float16" | "int8" | "uint8";
  readonly shape: readonly number[];
}

export interface Scheme {
  readonly dtype: SmallDtype;
  codes(size: FactorSize): StoredType;
  scales(size: FactorSize): StoredType;
  /** The axis of `codes` along which outputs lie: rows of an output-major factor are quantised some at a time. */
  readonly outputAxis: 0 | 1;
  /**
   * Adds what finds codes and scales, under these names (`quantised`).
   * @param weight float32, [in, out] or [out, in] as `major` says; of an output-major factor any number of rows.
   */
  addQuantiser(graph: GraphBuilder, weight: Value, major: Factor["major"], inputs: number): void;
  /** Products of one graph with the factors among `tensors`. */
  products(tensors: ReadonlyMap<string, TensorRecord>): Products;
}

/** Names in the graph that quantises. */
export const quantised = { weight: "weight", codes: "codes", scales: "scales", sum: "sum" } as const;

export const codesName = ({ record }: Factor): string => `${record.name}.codes`;
export const scalesName = ({ record }: Factor): string => `${record.name}.scales`;

/**
 * The smallest largest value that a scale is taken from: an all-zero row has a scale all the same, and codes of zero.
 * Its inverse is a finite float32.
 */
export const smallestRange = 2 ** -100;

/** A stored part of a factor as an initializer of the graph. */
export function addStored(
  graph: GraphBuilder,
  tensors: ReadonlyMap<string, TensorRecord>,
  name: string,
  type: StoredType,
): Value {
  const record = tensors.get(name);
  if (record === undefined) throw new InternalError(`the quantised weights have no ${name}`);
  const { file, offset, byteLength } = record;
  return graph.weight({ name, ...type, file, offset, byteLength });
}
