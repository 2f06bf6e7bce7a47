/**
 * A GPT-2 checkpoint as the GGUF file that llama.cpp's own converter makes of it (class GPT2Model of
 * convert_hf_to_gguf.py): its tensor names, the weights of Conv1D transposed, the tied head left out. Matrices that are
 * multiplied are quantised; norms, biases and the position embedding stay float32, as llama-quantize leaves them.
 */
import { open, readFile } from "node:fs/promises";
import path from "node:path";
import { openCheckpoint, type Checkpoint } from "../../../src/model/index.js";
import type { GgmlType } from "./blocks.js";
import { writeGguf, type GgufTensor, type MetadataValue } from "./writer.js";

/** llama.cpp's numbers for "all or mostly of this type" (enum llama_ftype). */
const fileTypes: Readonly<Record<GgmlType, number>> = { F32: 0, Q4_0: 2, Q8_0: 7 };

/** llama.cpp's names by transformers', in a layer. */
const layerNames: Readonly<Record<string, string>> = {
  ln_1: "attn_norm",
  "attn.c_attn": "attn_qkv",
  "attn.c_proj": "attn_output",
  ln_2: "ffn_norm",
  "mlp.c_fc": "ffn_up",
  "mlp.c_proj": "ffn_down",
};

/** @param folder of a checkpoint in float32, with tokenizer.json. */
export async function convertToGguf(folder: string, type: GgmlType, file: string): Promise<void> {
  const checkpoint = await openCheckpoint(folder);
  const tensors = [...checkpoint.tensors.values()].map((record): GgufTensor => {
    const name = ggufName(record.name);
    const isLinear = record.name.includes(".c_") && name.endsWith(".weight");
    const isQuantised = isLinear || name === "token_embd.weight";
    const read = async (): Promise<Float32Array> => readFloats(path.join(folder, record.file), record);
    const transposed = async (): Promise<Float32Array> => transpose(await read(), record.shape);
    return {
      name,
      type: isQuantised ? type : "F32",
      shape: isLinear ? record.shape.toReversed() : record.shape,
      read: isLinear ? transposed : read,
    };
  });
  await writeGguf(file, { ...hyperparameters(checkpoint, type), ...(await vocabulary(folder)) }, tensors);
}

function ggufName(name: string): string {
  const plain = name.replace(/^transformer\./, "");
  const [, layer, part = "", kind] = /^h\.(\d+)\.(.+)\.(weight|bias)$/.exec(plain) ?? [];
  if (layer !== undefined) return `blk.${layer}.${layerNames[part]}.${kind}`;
  return plain.replace("wte", "token_embd").replace("wpe", "position_embd").replace("ln_f", "output_norm");
}

function hyperparameters({ config }: Checkpoint, type: GgmlType): Record<string, MetadataValue> {
  const width = Number(config["n_embd"]);
  return {
    "general.architecture": "gpt2",
    "general.name": "random",
    "general.file_type": fileTypes[type],
    "gpt2.context_length": Number(config["n_positions"]),
    "gpt2.embedding_length": width,
    "gpt2.block_count": Number(config["n_layer"]),
    "gpt2.feed_forward_length": 4 * width,
    "gpt2.attention.head_count": Number(config["n_head"]),
    "gpt2.attention.layer_norm_epsilon": { float32: Number(config["layer_norm_epsilon"]) },
  };
}

/** What is used of tokenizer.json. */
interface TokenizerJson {
  readonly model: {
    readonly vocab: Readonly<Record<string, number>>;
    readonly merges: readonly (string | readonly [string, string])[];
  };
  readonly added_tokens: readonly { readonly id: number }[];
}

const tokenTypes = { normal: 1, control: 3 };

async function vocabulary(folder: string): Promise<Record<string, MetadataValue>> {
  const text = await readFile(path.join(folder, "tokenizer.json"), "utf8");
  const { model, added_tokens: added } = JSON.parse(text) as TokenizerJson; // the repository's own fixture
  const tokens = Object.entries(model.vocab).sort(([, a], [, b]) => a - b);
  const types = new Int32Array(tokens.length).fill(tokenTypes.normal);
  for (const { id } of added) types[id] = tokenTypes.control;
  const endOfText = added[0]?.id ?? 0;
  return {
    "tokenizer.ggml.model": "gpt2",
    "tokenizer.ggml.pre": "gpt-2",
    "tokenizer.ggml.tokens": tokens.map(([token]) => token),
    "tokenizer.ggml.token_type": types,
    "tokenizer.ggml.merges": model.merges.map((merge) => (typeof merge === "string" ? merge : merge.join(" "))),
    "tokenizer.ggml.bos_token_id": endOfText,
    "tokenizer.ggml.eos_token_id": endOfText,
  };
}

async function readFloats(
  file: string,
  { offset, byteLength }: { readonly offset: number; readonly byteLength: number },
): Promise<Float32Array> {
  const bytes = new Uint8Array(byteLength);
  const handle = await open(file, "r");
  try {
    await handle.read(bytes, 0, byteLength, offset);
  } finally {
    await handle.close();
  }
  return new Float32Array(bytes.buffer);
}

/** @param shape [rows, columns] of `values`. */
function transpose(values: Float32Array, [rows = 0, columns = 0]: readonly number[]): Float32Array {
  const result = new Float32Array(values.length);
  for (let row = 0; row < rows; row += 1) {
    for (let column = 0; column < columns; column += 1) {
      result[column * rows + row] = values[row * columns + column] ?? 0;
    }
  }
  return result;
}
