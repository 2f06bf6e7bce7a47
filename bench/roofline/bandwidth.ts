/** How fast this machine reads memory, with the threads and the kernels that a step reads it with. */
import { leastSeconds, type OneOperator } from "./one-operator.js";

export interface Bandwidth {
  readonly bytesPerSecond: number;
  /** The operator that came closest to the limit. */
  readonly operator: string;
}

const columns = 4096;

const sums = (rows: number): OneOperator => ({
  input: { type: "float32", shape: [rows, columns] },
  outputShape: [rows],
  add: (graph, input, output) => {
    graph.addNamed("ReduceSum", [input, graph.integers("axes", [1])], [output], { keepdims: 0n });
  },
});

/** The left side's rows are few, so that ONNX Runtime reads the right side as it lies: every number once. */
const rowTimesMatrix = (rows: number): OneOperator => ({
  input: { type: "float32", shape: [rows, columns] },
  outputShape: [1, columns],
  add: (graph, input, output) => {
    const bytes = new Uint8Array(new Float32Array(rows).fill(1).buffer);
    const row = graph.constant({ name: "row", elementType: "float32", shape: [1, rows], bytes });
    graph.addNamed("MatMul", [row, input], [output]);
  },
});

/**
 * The best of two operators that read one tensor and write next to nothing.
 * @param megabytes of the tensor: far more than the caches hold.
 */
export async function measureBandwidth(threads: number, megabytes: number, runs: number): Promise<Bandwidth> {
  const rows = Math.ceil((megabytes * 1e6) / (4 * columns));
  const candidates = { "MatMul of one row": rowTimesMatrix(rows), ReduceSum: sums(rows) };
  let best: Bandwidth = { bytesPerSecond: 0, operator: "" };
  for (const [operator, graph] of Object.entries(candidates)) {
    const bytesPerSecond = (4 * rows * columns) / (await leastSeconds(graph, threads, runs));
    if (bytesPerSecond > best.bytesPerSecond) best = { bytesPerSecond, operator };
  }
  return best;
}
