import { expect, test } from "vitest";
import { crossEntropy } from "../../../src/model/evaluation/cross-entropy.js";

test("is -ln of the softmax: equal logits share the probability, and a logit of ln 3 has three times it", () => {
  expect(crossEntropy(Float32Array.of(7, 7), 1)).toBeCloseTo(Math.LN2, 12);
  const logits = Float32Array.of(0, Math.fround(Math.log(3)));
  expect(crossEntropy(logits, 0)).toBeCloseTo(Math.log(4), 6);
  expect(crossEntropy(logits, 1)).toBeCloseTo(Math.log(4 / 3), 6);
});

test("logits whose exponentials overflow or vanish have one all the same", () => {
  expect(crossEntropy(Float32Array.of(1000, 1000), 0)).toBeCloseTo(Math.LN2, 12);
  expect(crossEntropy(Float32Array.of(-2000, -1000), 0)).toBe(1000);
});

test("a row that is not a number, or has no such token, is none", () => {
  expect(crossEntropy(Float32Array.of(0, NaN), 0)).toBeNaN();
  expect(crossEntropy(Float32Array.of(0, 0), 2)).toBeNaN();
});
