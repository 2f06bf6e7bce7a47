/** Which precision a model runs in: what the operator asked for, or what its memory allows. */
import { ConfigurationError } from "../../errors.js";
import { byteLengthOf, type DeviceChoice } from "../../ort/index.js";
import type { Blueprint } from "../architectures/index.js";
import { kvBytesPerToken, type KvDtype } from "../graph/decoder-io.js";
import { sizeOf } from "../graph/products.js";
import type { Precision, SmallDtype, WeightDtype } from "./dtypes.js";
import { hasExactInt8Products } from "./processor.js";
import { schemes } from "./schemes.js";

/** What the process needs besides weights and KV cache: Node, ONNX Runtime's arenas, requests. */
export const workingBytes = 256 * 2 ** 20;
/** Share of what weights and process leave of the memory limit that the KV cache may take. */
export const kvShare = 0.8;

export interface PrecisionOptions {
  /** Where the model computes; a CPU by default. */
  readonly device?: DeviceChoice | undefined;
  /**
   * `default`, the default: float32 on a CPU, float16 on a CUDA device. `auto`: on a CPU less than float32 where that
   * does not fit the memory limit.
   */
  readonly dtype?: WeightDtype | "default" | "auto" | undefined;
  /**
   * `auto`, the default: on a CPU int8 with weights smaller than float32, which need it for exactness, and otherwise
   * float32; float16 on a CUDA device.
   */
  readonly kvDtype?: KvDtype | "auto" | undefined;
  /** Lets a CPU compute in float16, widened where its kernels have none: so that tests can without a device. */
  readonly isFloat16Forced?: boolean | undefined;
  /** Memory that this process may use, for `dtype: "auto"`. */
  readonly memoryLimitBytes?: number | undefined;
}

export interface ChosenPrecision extends Precision {
  /** For the log. */
  readonly reason: string;
}

/** @throws {ConfigurationError} when the device does not compute in what was asked for, with the reason. */
export function choosePrecision(
  blueprint: Blueprint,
  { dtype, ...others }: PrecisionOptions,
  isInt8Exact: boolean = hasExactInt8Products(),
): ChosenPrecision {
  const options = { ...others, dtype: dtype === "default" ? undefined : dtype };
  const isHalf = options.device?.kind === "cuda" || (options.dtype === "float16" && options.isFloat16Forced === true);
  return isHalf ? float16For(options) : chooseForCpu(blueprint, options, isInt8Exact);
}

type AskedPrecision = PrecisionOptions & { readonly dtype?: WeightDtype | "auto" | undefined };

/** What computes in float16 does so throughout. */
function float16For({ dtype = "auto", kvDtype = "auto" }: AskedPrecision): ChosenPrecision {
  if (dtype !== "auto" && dtype !== "float16") throw refusal("dtype", dtype, notOnCuda[dtype]);
  if (kvDtype !== "auto" && kvDtype !== "float16") throw refusal("kvDtype", kvDtype, cacheNotOnCuda[kvDtype]);
  const reason = dtype === "float16" ? "as asked" : "what a CUDA device computes in";
  return { dtype: "float16", kvDtype: "float16", reason };
}

const noFloat32Attention = "its attention kernel (GroupQueryAttention) has no float32";
const float32Scales = "their weights have float32 scales, MatMulNBits wants them in float16 beside float16 activations";

const notOnCuda: Readonly<Record<Exclude<WeightDtype, "float16">, string>> = {
  float32: noFloat32Attention,
  int8: "products of int8 by row (MatMulIntegerToFloat) have a kernel for CPUs only",
  "int8-block": float32Scales,
  int4: float32Scales,
};

const cacheNotOnCuda: Readonly<Record<Exclude<KvDtype, "float16">, string>> = {
  float32: noFloat32Attention,
  int8: "its scales are calibrated with a float32 cache, which there is none of",
};

function refusal(setting: string, value: string, reason: string): ConfigurationError {
  return new ConfigurationError(`${setting} ${value} is not offered on a CUDA device, ${reason}: use float16`);
}

const float16OnCpu = "is for CUDA devices, a CPU's kernels widen it to float32 at every step: use float32 or int8";

function chooseForCpu(blueprint: Blueprint, options: AskedPrecision, isInt8Exact: boolean): ChosenPrecision {
  const { dtype = "float32" } = options;
  if (dtype === "float16") throw new ConfigurationError(`dtype float16 ${float16OnCpu}`);
  if (options.kvDtype === "float16") throw new ConfigurationError(`kvDtype float16 ${float16OnCpu}`);
  if (dtype === "int8" && !isInt8Exact) {
    throw new ConfigurationError(
      "dtype int8 needs a processor with avx512_vnni or avx_vnni (without, sums overflow): use int8-block",
    );
  }
  const choice = dtype === "auto" ? largestThatFits(blueprint, options, isInt8Exact) : { dtype, reason: "as asked" };
  const kvDtype = kvDtypeFor(choice.dtype, options);
  const isChosen = kvDtype === "int8" && options.kvDtype !== "int8";
  const reason = isChosen ? `${choice.reason}; ${int8CacheReason}` : choice.reason;
  return { dtype: choice.dtype, kvDtype, reason };
}

/** docs/precision.md has the figures. */
const int8CacheReason = "an int8 KV cache keeps answers the same under load, and loses less than 0.1% of perplexity";

function kvDtypeFor(dtype: WeightDtype, { kvDtype = "auto" }: PrecisionOptions): KvDtype {
  if (kvDtype !== "auto") return kvDtype;
  return dtype === "float32" ? "float32" : "int8";
}

function largestThatFits(
  blueprint: Blueprint,
  options: PrecisionOptions,
  isInt8Exact: boolean,
): { readonly dtype: WeightDtype; readonly reason: string } {
  const { memoryLimitBytes = Infinity } = options;
  const candidates = ["float32", isInt8Exact ? "int8" : "int8-block", "int4"] as const;
  const needs = candidates.map((dtype) => ({
    dtype,
    bytes: bytesNeeded(blueprint, dtype, kvDtypeFor(dtype, options)),
  }));
  const fitting = needs.find(({ bytes }) => bytes <= memoryLimitBytes) ?? { dtype: "int4", bytes: undefined };
  const told = needs.map(({ dtype, bytes }) => `${dtype} ${Math.ceil(bytes / 2 ** 20)} MiB`).join(", ");
  const limit = Number.isFinite(memoryLimitBytes) ? `${Math.floor(memoryLimitBytes / 2 ** 20)} MiB` : "no limit";
  return { dtype: fitting.dtype, reason: `with one sequence at its longest: ${told}; memory: ${limit}` };
}

/** Memory for the process, the weights and one sequence at its longest. */
function bytesNeeded(blueprint: Blueprint, dtype: WeightDtype, kvDtype: KvDtype): number {
  const { shape } = blueprint;
  const kvBytes = kvBytesPerToken(shape, kvDtype) * shape.positions;
  return workingBytes + residentWeightBytes(blueprint, dtype) + Math.ceil(kvBytes / kvShare);
}

/**
 * Bytes of the weights that stay in memory. Float32 weights are all prepacked; of a table of embeddings that is no
 * factor, or no longer one, only the rows that are looked up are in memory: nothing is counted for it. Float16 weights
 * are in a device's memory, all of them.
 */
export function residentWeightBytes({ weights, factors }: Blueprint, dtype: WeightDtype): number {
  if (dtype === "float16") return weights.reduce((sum, { shape }) => sum + byteLengthOf("float16", shape), 0);
  const float32Bytes = (shape: readonly number[]): number => byteLengthOf("float32", shape);
  const vectors = weights.filter(({ shape }) => shape.length === 1).map(({ shape }) => float32Bytes(shape));
  const products = factors.map((factor) =>
    dtype === "float32" ? float32Bytes(factor.record.shape) : quantisedBytes(dtype, sizeOf(factor)),
  );
  return [...vectors, ...products].reduce((sum, bytes) => sum + bytes, 0);
}

function quantisedBytes(dtype: SmallDtype, size: ReturnType<typeof sizeOf>): number {
  const scheme = schemes[dtype];
  const parts = [scheme.codes(size), scheme.scales(size)];
  return parts.reduce((sum, { elementType, shape }) => sum + byteLengthOf(elementType, shape), 0);
}
