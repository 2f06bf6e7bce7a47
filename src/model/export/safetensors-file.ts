import type { TensorRecord } from "../checkpoint/tensor-record.js";
import { weightFiles } from "../checkpoint/file-names.js";
import type { ExportDtype } from "./formats.js";
import { placeWeights, type WeightFile } from "./weight-file.js";

/** safetensors' names. */
const dtypeNames: Readonly<Record<ExportDtype, string>> = { float32: "F32", float16: "F16", bfloat16: "BF16" };
/** Transformers refuses a file that does not say what wrote it; `pt` is what `save_pretrained` says. */
const metadata = { format: "pt" };

/** The weights, under their own names, as the one file that transformers looks for first. */
export function safetensorsFile(weights: readonly TensorRecord[], dtype: ExportDtype): WeightFile {
  const name = weightFiles.safetensors.file;
  const placed = placeWeights(weights, dtype, name);
  const entries = new Map<string, object>([["__metadata__", metadata]]);
  for (const { target } of placed) {
    const { shape, offset, byteLength } = target;
    entries.set(target.name, { dtype: dtypeNames[dtype], shape, data_offsets: [offset, offset + byteLength] });
  }
  return { name, head: headOf(entries), weights: placed };
}

/**
 * 8 bytes of length and the JSON, filled up so that the tensors begin at a multiple of 8
 * (https://huggingface.co/docs/safetensors).
 */
function headOf(entries: ReadonlyMap<string, object>): Uint8Array {
  const json = Buffer.from(JSON.stringify(Object.fromEntries(entries)));
  const padded = Buffer.concat([json, Buffer.alloc(-json.length & 7, " ")]);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(padded.length));
  return Buffer.concat([length, padded]);
}
