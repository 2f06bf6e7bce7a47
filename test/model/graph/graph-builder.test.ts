import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { GraphBuilder } from "../../../src/model/graph/graph-builder.js";
import { Binding, Session, Tensor } from "../../../src/ort/index.js";
import { temporaryFolder } from "../../support/checkpoints.js";

/** Runs a graph with the input x and the output y, both float32, in a folder with its weights. */
async function run(
  graph: GraphBuilder,
  folder: string,
  x: { readonly shape: readonly number[]; readonly values: readonly number[] },
  outputShape: readonly number[],
): Promise<number[]> {
  const options = { externalDataFolder: folder, threads: 1, isSpinning: false };
  using session = await Session.create(graph.build(), options);
  const output = new Float32Array(outputShape.reduce((product, size) => product * size, 1));
  const { api, cpu } = session;
  using from = Tensor.over(api, cpu, "float32", x.shape, Float32Array.from(x.values).buffer);
  using to = Tensor.over(api, cpu, "float32", outputShape, output.buffer);
  using binding = new Binding(session).input("x", from).output("y", to);
  await binding.run();
  return [...output];
}

test("weights are read where they lie in a file", async () => {
  const folder = await temporaryFolder();
  await writeFile(join(folder, "weights.bin"), new Uint8Array(Float32Array.of(99, 99, 10, 20, 30, 99).buffer));
  const graph = new GraphBuilder("add");
  const x = graph.input("x", "float32", [2, 3]);
  const where = { file: "weights.bin", offset: 8, byteLength: 12 };
  const bias = graph.weight({ name: "bias", elementType: "float32", shape: [3], ...where });
  graph.addNamed("Add", [x, bias], ["y"]);
  graph.output("y", "float32", [2, 3]);
  const values = [1, 2, 3, 4, 5, 6];
  expect(await run(graph, folder, { shape: [2, 3], values }, [2, 3])).toEqual([11, 22, 33, 14, 25, 36]);
});

test("weights lie in the graph's folder below the session's, and constants in the graph", async () => {
  const root = await temporaryFolder();
  await mkdir(join(root, "a", "b"), { recursive: true });
  await writeFile(join(root, "a", "weights.bin"), new Uint8Array(Float32Array.of(10, 20).buffer));
  const graph = new GraphBuilder("add", "a/b");
  const x = graph.input("x", "float32", [2]);
  const where = { file: "../weights.bin", offset: 0, byteLength: 8 };
  const bias = graph.weight({ name: "bias", elementType: "float32", shape: [2], ...where });
  const bytes = new Uint8Array(Float32Array.of(2, 3).buffer);
  const factor = graph.constant({ name: "factor", elementType: "float32", shape: [2], bytes });
  const sum = graph.add("Add", [graph.add("Mul", [x, factor]), bias]);
  graph.addNamed("Mul", [sum, graph.scalar(-0.5)], ["y"]);
  graph.output("y", "float32", [2]);
  expect(await run(graph, root, { shape: [2], values: [1, 2] }, [2])).toEqual([-6, -13]);
});

test("attributes of each kind reach their operators, and integers theirs", async () => {
  const graph = new GraphBuilder("chain");
  const x = graph.input("x", "float32", ["rows", 3]);
  const halved = graph.add("LeakyRelu", [x], { alpha: 0.5 }); // a float
  const turned = graph.add("Transpose", [halved], { perm: [1, 0] }); // ints
  const flat = graph.add("Reshape", [turned, graph.integers("flat", [-1])]);
  const scaled = graph.add("QuickGelu", [flat], { alpha: 100 }, "com.microsoft"); // 0 below 0, x above
  graph.addNamed("Concat", [scaled, flat], ["y"], { axis: 0n }); // an int
  graph.output("y", "float32", ["values"]);
  const values = [1, 2, 3, -4, -6, -8];
  expect(await run(graph, ".", { shape: [2, 3], values }, [12])).toEqual([
    ...[1, -0, 2, -0, 3, -0],
    ...[1, -2, 2, -3, 3, -4],
  ]);
});

test("a text attribute chooses an operator's variant", async () => {
  const graph = new GraphBuilder("gelu");
  const x = graph.input("x", "float32", [1]);
  graph.addNamed("Gelu", [x], ["y"], { approximate: "tanh" });
  graph.output("y", "float32", [1]);
  const [value] = await run(graph, ".", { shape: [1], values: [2] }, [1]);
  // 0.5 * 2 * (1 + tanh(sqrt(2 / pi) * (2 + 0.044715 * 8))); the other variant gives 1.954500
  expect(value).toBeCloseTo(1.954598, 6);
});

test("names of values do not repeat", () => {
  const graph = new GraphBuilder("names");
  const x = graph.input("x", "float32", [1]);
  const names = [graph.add("Relu", [x]), graph.add("Relu", [x]), graph.add("Tanh", [x])].map(({ name }) => name);
  expect(new Set([...names, graph.fresh("Relu")]).size).toBe(4);
});
