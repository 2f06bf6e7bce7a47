import { describe, expect, test } from "vitest";
import { ConfigurationError } from "../../../src/errors.js";
import { architectureOf, openCheckpoint } from "../../../src/model/index.js";
import { choosePrecision, residentWeightBytes, type PrecisionOptions } from "../../../src/model/precision/choose.js";
import { fixture } from "../../support/checkpoints.js";

const checkpoint = await openCheckpoint(fixture("gpt2-vocab"));
const blueprint = architectureOf(checkpoint).read(checkpoint);
const choose = (options: PrecisionOptions, isInt8Exact = true) => choosePrecision(blueprint, options, isInt8Exact);
const MiB = 2 ** 20;

describe("the weights' precision", () => {
  test("is float32 unless another is asked for", () => {
    expect(choose({})).toEqual({ dtype: "float32", kvDtype: "float32", reason: "as asked" });
    expect(choose({ dtype: "int4" }).dtype).toBe("int4");
  });

  test("is never int8 by row where sums overflow: the error names what there is instead", () => {
    expect(() => choose({ dtype: "int8" }, false)).toThrow(
      new ConfigurationError(
        "dtype int8 needs a processor with avx512_vnni or avx_vnni (without, sums overflow): use int8-block",
      ),
    );
    expect(choose({ dtype: "int8-block" }, false).dtype).toBe("int8-block");
  });

  test("is by itself the largest that fits the memory beside one sequence, and says what it went by", () => {
    const [float32, int8, int4] = (["float32", "int8", "int4"] as const).map(
      (dtype) => 256 * MiB + residentWeightBytes(blueprint, dtype),
    );
    const kvBytes = (bytes: number): number => Math.ceil((2 * 2 * 32 * 256 * bytes) / 0.8); // 2 layers, width 32, 256 positions
    const chosen = (memoryLimitBytes: number, isInt8Exact?: boolean): string =>
      choose({ dtype: "auto", memoryLimitBytes }, isInt8Exact).dtype;
    expect(chosen(Infinity)).toBe("float32");
    expect(chosen((float32 ?? NaN) + kvBytes(4))).toBe("float32");
    expect(chosen((float32 ?? NaN) + kvBytes(4) - 1)).toBe("int8");
    expect(chosen((float32 ?? NaN) + kvBytes(4) - 1, false)).toBe("int8-block");
    expect(chosen((int8 ?? NaN) + kvBytes(1))).toBe("int8");
    expect(chosen((int8 ?? NaN) + kvBytes(1) - 1)).toBe("int4");
    expect(chosen((int4 ?? NaN) - 100)).toBe("int4"); // nothing fits: the engine will say so
    expect(choose({ dtype: "auto", memoryLimitBytes: 300 * MiB }).reason).toMatch(
      /^with one sequence at its longest: float32 \d+ MiB, int8 \d+ MiB, int4 \d+ MiB; memory: 300 MiB$/,
    );
  });
});

describe("the KV cache's precision", () => {
  test("is int8 with weights smaller than float32, float32 with float32, or as asked", () => {
    const kvOf = (options: PrecisionOptions): string => choose(options).kvDtype;
    expect((["int8", "int8-block", "int4"] as const).map((dtype) => kvOf({ dtype }))).toEqual(["int8", "int8", "int8"]);
    expect(kvOf({ dtype: "float32", kvDtype: "auto" })).toBe("float32");
    expect([kvOf({ kvDtype: "int8" }), kvOf({ dtype: "int8", kvDtype: "float32" })]).toEqual(["int8", "float32"]);
  });

  test("is told with its reason where nobody asked for it", () => {
    expect(choose({ dtype: "int8" }).reason).toMatch(/^as asked; an int8 KV cache .* 0\.1% of perplexity$/);
    expect(choose({ dtype: "int8", kvDtype: "int8" }).reason).toBe("as asked");
  });
});

describe("on a CUDA device", () => {
  const device = { kind: "cuda", id: 0 } as const;

  test.each([{}, { dtype: "auto" }, { kvDtype: "auto" }, { memoryLimitBytes: 1 }] as const)(
    "%j is float16 throughout, whatever the host's memory",
    (options) => {
      const reason = "what a CUDA device computes in";
      expect(choose({ device, ...options })).toEqual({ dtype: "float16", kvDtype: "float16", reason });
    },
  );

  test("float16 is as asked, and needs no processor of a kind", () => {
    const options = { device, dtype: "float16", kvDtype: "float16" } as const;
    expect(choose(options, false)).toEqual({ dtype: "float16", kvDtype: "float16", reason: "as asked" });
  });

  const noFloat32 = "its attention kernel (GroupQueryAttention) has no float32: use float16";
  const noScales =
    "their weights have float32 scales, MatMulNBits wants them in float16 beside float16 activations: use float16";
  test.each<[PrecisionOptions, string]>([
    [{ dtype: "float32" }, `dtype float32 is not offered on a CUDA device, ${noFloat32}`],
    [
      { dtype: "int8" },
      "dtype int8 is not offered on a CUDA device, products of int8 by row (MatMulIntegerToFloat) have a kernel for CPUs only: use float16",
    ],
    [{ dtype: "int8-block" }, `dtype int8-block is not offered on a CUDA device, ${noScales}`],
    [{ dtype: "int4" }, `dtype int4 is not offered on a CUDA device, ${noScales}`],
    [{ kvDtype: "float32" }, `kvDtype float32 is not offered on a CUDA device, ${noFloat32}`],
    [
      { kvDtype: "int8" },
      "kvDtype int8 is not offered on a CUDA device, its scales are calibrated with a float32 cache, which there is none of: use float16",
    ],
  ])("%j is refused: %s", (options, message) => {
    expect(() => choose({ device, ...options })).toThrow(new ConfigurationError(message));
  });
});

describe("float16 on a CPU", () => {
  const why = "is for CUDA devices, a CPU's kernels widen it to float32 at every step: use float32 or int8";
  test.each<[PrecisionOptions, string]>([
    [{ dtype: "float16" }, `dtype float16 ${why}`],
    [{ dtype: "float16", device: { kind: "cpu" } }, `dtype float16 ${why}`],
    [{ kvDtype: "float16" }, `kvDtype float16 ${why}`],
    [{ kvDtype: "float16", isFloat16Forced: true }, `kvDtype float16 ${why}`],
  ])("%j is refused: %s", (options, message) => {
    expect(() => choose(options)).toThrow(new ConfigurationError(message));
  });

  test("is there for tests that force it, with a cache of its own", () => {
    const forced = { dtype: "float16", isFloat16Forced: true } as const;
    expect(choose(forced)).toEqual({ dtype: "float16", kvDtype: "float16", reason: "as asked" });
    expect(() => choose({ ...forced, kvDtype: "int8" })).toThrow(ConfigurationError);
    expect(choose({ isFloat16Forced: true }).dtype).toBe("float32");
  });
});

test("weights that stay in memory are factors and vectors, and no table of which rows are looked up", () => {
  // Width 32, two layers; vocabulary 50257. Of a layer: norms 4 x 32, biases 96 + 32 + 128 + 32.
  const vectors = 4 * (2 * (4 * 32 + 288) + 2 * 32);
  const factors = 2 * (32 * 96 + 32 * 32 + 2 * 32 * 128) + 50_257 * 32;
  const outputs = 2 * (96 + 32 + 128 + 32) + 50_257;
  expect(residentWeightBytes(blueprint, "float32")).toBe(vectors + 4 * factors);
  expect(residentWeightBytes(blueprint, "int8")).toBe(vectors + factors + 4 * outputs);
  expect(residentWeightBytes(blueprint, "int8-block")).toBe(vectors + factors + factors / 8);
  expect(residentWeightBytes(blueprint, "int4")).toBe(vectors + factors / 2 + factors / 8);
  // A device has tables too: of tokens, which is the head, and of positions.
  expect(residentWeightBytes(blueprint, "float16")).toBe(vectors / 2 + 2 * factors + 2 * 256 * 32);
});
