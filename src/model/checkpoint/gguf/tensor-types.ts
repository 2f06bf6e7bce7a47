/** The element types of GGUF's tensors: ggml's, by its numbers (enum ggml_type in ggml.h). */
import type { ElementType } from "../tensor-record.js";

/** Those that can be served. */
export const servedTypes: ReadonlyMap<number, { readonly name: string; readonly elementType: ElementType }> = new Map<
  number,
  { readonly name: string; readonly elementType: ElementType }
>([
  [0, { name: "F32", elementType: "float32" }],
  [1, { name: "F16", elementType: "float16" }],
  [30, { name: "BF16", elementType: "bfloat16" }],
  [8, { name: "Q8_0", elementType: "q8_0" }],
  [2, { name: "Q4_0", elementType: "q4_0" }],
  [14, { name: "Q6_K", elementType: "q6_k" }],
]);

/** The others that ggml has, for a clear refusal. */
const otherTypes: Readonly<Record<number, string>> = {
  3: "Q4_1",
  6: "Q5_0",
  7: "Q5_1",
  9: "Q8_1",
  10: "Q2_K",
  11: "Q3_K",
  12: "Q4_K",
  13: "Q5_K",
  15: "Q8_K",
  16: "IQ2_XXS",
  17: "IQ2_XS",
  18: "IQ3_XXS",
  19: "IQ1_S",
  20: "IQ4_NL",
  21: "IQ3_S",
  22: "IQ2_S",
  23: "IQ4_XS",
  24: "I8",
  25: "I16",
  26: "I32",
  27: "I64",
  28: "F64",
  29: "IQ1_M",
  34: "TQ1_0",
  35: "TQ2_0",
  39: "MXFP4",
};

/** Why a type is not served, and what to do. */
export function refusalOf(type: number): string {
  const served = Array.from(servedTypes.values(), ({ name }) => name).join(", ");
  const name = otherTypes[type] ?? `of ggml's type ${type}`;
  return (
    `is ${name}, which is not served (${served} are): ` +
    "convert the original model again, or change the file with llama-quantize --allow-requantize IN OUT Q8_0"
  );
}
