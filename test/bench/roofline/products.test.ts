import { expect, test } from "vitest";
import { measureBandwidth } from "../../../bench/roofline/bandwidth.js";
import { leastSeconds } from "../../../bench/roofline/one-operator.js";
import { measureProducts } from "../../../bench/roofline/products.js";

test("ONNX Runtime runs the product of every precision", async () => {
  const rates = await measureProducts(1, 64, 4, 1);
  expect(rates.map(({ precision }) => precision)).toEqual(["float32", "int8", "int8-block", "int4"]);
  expect(rates.every(({ operationsPerSecond }) => operationsPerSecond > 0)).toBe(true);
});

test("the bandwidth is the better of two operators", async () => {
  const { bytesPerSecond, operator } = await measureBandwidth(1, 1, 1);
  expect(bytesPerSecond).toBeGreaterThan(0);
  expect(["MatMul of one row", "ReduceSum"]).toContain(operator);
});

test("a graph that ONNX Runtime refuses is an error, not a time", async () => {
  const add = (): void => undefined; // nothing makes the output
  const graph = { input: { type: "float32", shape: [1] }, outputShape: [1], add } as const;
  await expect(leastSeconds(graph, 1, 1)).rejects.toThrow();
});
