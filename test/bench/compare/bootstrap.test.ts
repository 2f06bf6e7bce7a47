import { describe, expect, test } from "vitest";
import { medianInterval } from "../../../bench/compare/bootstrap.js";

describe("the interval of the median", () => {
  test("of values that are all the same is that value", () => {
    expect(medianInterval([1.25, 1.25, 1.25])).toEqual({ lower: 1.25, upper: 1.25 });
  });

  test("is unknown for fewer than two values", () => {
    expect([medianInterval([]), medianInterval([1])]).toEqual([undefined, undefined]);
  });

  test("of two values reaches from one to the other: a quarter of the samples has the one twice", () => {
    expect(medianInterval([1, 2])).toEqual({ lower: 1, upper: 2 });
    expect(medianInterval([1, 2], 0.4)).toEqual({ lower: 1.5, upper: 1.5 }); // half of the samples have both
  });

  test("of 1 to 25 has the order statistics that theory gives it", () => {
    // The median of a sample is at most k when 13 of its 25 draws are: P(Binomial(25, k / 25) >= 13), which passes
    // 2.5% between k = 7 (1.0%) and k = 8 (3.0%), and by symmetry 97.5% at 18.
    const values = Array.from({ length: 25 }, (_, index) => index + 1);
    expect(medianInterval(values)).toEqual({ lower: 8, upper: 18 });
  });

  test("is the same for the same values", () => {
    const values = [0.99, 1.02, 1.01, 0.98, 1.03, 1];
    expect(medianInterval(values)).toEqual(medianInterval(values));
  });

  test("lies around 1 when nothing changed, and above it when everything is a tenth faster", () => {
    const noise = [0.97, 1.01, 0.99, 1.02, 1, 0.98, 1.03];
    const same = medianInterval(noise);
    const faster = medianInterval(noise.map((ratio) => ratio * 1.1));
    expect([(same?.lower ?? 1) < 1, (same?.upper ?? 1) > 1, (faster?.lower ?? 0) > 1]).toEqual([true, true, true]);
  });
});
