import { performance } from "node:perf_hooks";
import { GraphBuilder, type Value } from "../../src/model/graph/graph-builder.js";
import { Binding, Session, Tensor, type ElementType } from "../../src/ort/index.js";

/** A graph of one operator over one input, to be timed. */
export interface OneOperator {
  readonly input: { readonly type: ElementType; readonly shape: readonly number[] };
  /** float32 */
  readonly outputShape: readonly number[];
  /** Adds the operator under the name `output`. */
  readonly add: (graph: GraphBuilder, input: Value, output: string) => void;
}

/**
 * The least seconds of `runs` runs, after one that touches everything: what disturbs a run only makes it longer.
 * The input is all ones: no kernel is quicker or slower for it.
 */
export async function leastSeconds({ input, outputShape, add }: OneOperator, threads: number, runs: number) {
  const graph = new GraphBuilder("one-operator");
  add(graph, graph.input("input", input.type, input.shape), "output");
  graph.output("output", "float32", outputShape);
  using session = await Session.create(graph.build(), { externalDataFolder: "", threads, isSpinning: true });
  using from = Tensor.allocate(session.api, session.cpu, input.type, input.shape);
  fillWithOnes(from);
  using to = Tensor.allocate(session.api, session.cpu, "float32", outputShape);
  using binding = new Binding(session).input("input", from).output("output", to);
  await binding.run();
  let least = Infinity;
  for (let run = 0; run < runs; run += 1) {
    const start = performance.now();
    await binding.run();
    least = Math.min(least, (performance.now() - start) / 1000);
  }
  return least;
}

function fillWithOnes(tensor: Tensor): void {
  const bytes = tensor.bytes();
  if (tensor.type === "float32") new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4).fill(1);
  else bytes.fill(1);
}
