/** In which precisions a model's matrix products and its KV cache can be. */
import type { KvDtype } from "../graph/decoder-io.js";

/**
 * On a CPU:
 * - `float32`: the checkpoint's own numbers.
 * - `int8`: weights by column, activations by row, whole products in integers. The fastest.
 * - `int8-block`, `int4`: weights and activations in blocks of 32 along the inputs.
 */
export const weightDtypes = ["float32", "int8", "int8-block", "int4"] as const;
/** On a CUDA device `float16`: weights, activations and KV cache. */
export type WeightDtype = (typeof weightDtypes)[number] | "float16";
/** Those that weights are quantised to when a model is loaded. */
export type SmallDtype = Exclude<WeightDtype, "float32" | "float16">;

/** On a CPU. */
export const kvDtypes = ["float32", "int8"] as const satisfies readonly KvDtype[];

/** What a model runs in. */
export interface Precision {
  readonly dtype: WeightDtype;
  readonly kvDtype: KvDtype;
}
