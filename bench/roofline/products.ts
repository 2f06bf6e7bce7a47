/** How fast ONNX Runtime's kernels multiply matrices, by precision. */
import type { GraphBuilder, Value } from "../../src/model/graph/graph-builder.js";
import { byteLengthOf, type ElementType } from "../../src/ort/index.js";
import { leastSeconds, type OneOperator } from "./one-operator.js";

export const productPrecisions = ["float32", "int8", "int8-block", "int4"] as const;
export type ProductPrecision = (typeof productPrecisions)[number];

export interface ProductRate {
  readonly precision: ProductPrecision;
  readonly operator: string;
  /** Multiplications and additions, each counted. */
  readonly operationsPerSecond: number;
}

const blockSize = 32;

/** @param size inputs and outputs of the weight; @param rows of the activations. Many of each: the rate of large products. */
export async function measureProducts(
  threads: number,
  size: number,
  rows: number,
  runs: number,
): Promise<ProductRate[]> {
  const rates: ProductRate[] = [];
  for (const precision of productPrecisions) {
    const { operator, ...graph } = graphs[precision](size, rows);
    const seconds = await leastSeconds(graph, threads, runs);
    rates.push({ precision, operator, operationsPerSecond: (2 * rows * size * size) / seconds });
  }
  return rates;
}

type ProductGraph = OneOperator & { readonly operator: string };

const graphs: Readonly<Record<ProductPrecision, (size: number, rows: number) => ProductGraph>> = {
  float32: (size, rows) => ({
    operator: "MatMul",
    input: { type: "float32", shape: [rows, size] },
    outputShape: [rows, size],
    add: (graph, input, output) => {
      graph.addNamed("MatMul", [input, constant(graph, "weight", "float32", [size, size])], [output]);
    },
  }),
  int8: (size, rows) => ({
    operator: "MatMulIntegerToFloat, uint8 x int8",
    input: { type: "uint8", shape: [rows, size] },
    outputShape: [rows, size],
    add: (graph, input, output) => {
      const weight = constant(graph, "weight", "int8", [size, size]);
      const scales = constant(graph, "scales", "float32", [size]);
      const zeroPoint = constant(graph, "zero_point", "uint8", []);
      const inputs = [input, weight, graph.scalar(1), scales, zeroPoint];
      graph.addNamed("MatMulIntegerToFloat", inputs, [output], {}, "com.microsoft");
    },
  }),
  "int8-block": (size, rows) => inBlocks(8, size, rows),
  int4: (size, rows) => inBlocks(4, size, rows),
};

function inBlocks(bits: number, size: number, rows: number): ProductGraph {
  return {
    operator: `MatMulNBits, ${bits} bits`,
    input: { type: "float32", shape: [rows, size] },
    outputShape: [rows, size],
    add: (graph, input, output) => {
      const blocks = size / blockSize;
      const codes = constant(graph, "weight", "uint8", [size, blocks, (blockSize * bits) / 8]);
      const scales = constant(graph, "scales", "float32", [size, blocks]);
      const attributes = {
        ...{ K: BigInt(size), N: BigInt(size), bits: BigInt(bits) },
        ...{ block_size: BigInt(blockSize), accuracy_level: 4n },
      };
      graph.addNamed("MatMulNBits", [input, codes, scales], [output], attributes, "com.microsoft");
    },
  };
}

/** A weight that is all ones. Not zeros or tiny numbers: denormal sums would be slow. */
function constant(graph: GraphBuilder, name: string, elementType: ElementType, shape: readonly number[]): Value {
  const bytes = new Uint8Array(byteLengthOf(elementType, shape)).fill(1);
  if (elementType === "float32") new Float32Array(bytes.buffer).fill(1);
  return graph.constant({ name, elementType, shape, bytes });
}
