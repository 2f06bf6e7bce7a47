/** Turns a Hugging Face GPT-2 into a GGUF file as llama.cpp's converter does (class GPT2Model, convert_hf_to_gguf.py). */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { entryOf, readJson, readSafetensorsFile, safetensors } from "./checkpoints.js";
import { dequantiseRow, ggmlIds, quantiseRow, type GgmlType } from "./ggml-blocks.js";
import { gguf, type Typed, type WrittenTensor } from "./gguf.js";

export interface ConvertOptions {
  /** Of the matrices; vectors and positions stay float32, as in llama.cpp. */
  readonly type?: GgmlType;
  /** Of single tensors, by llama.cpp's name. */
  readonly types?: Readonly<Record<string, GgmlType>>;
  readonly metadata?: Readonly<Record<string, Typed>>;
  readonly version?: number;
}

/** A Hugging Face GPT-2 with `model.safetensors` in float32 or float16, and its tokenizer, as a GGUF file. */
export async function convertToGguf(folder: string, options: ConvertOptions = {}): Promise<Buffer> {
  const { version = 3 } = options;
  const tensors = (await readMatrices(folder)).map((matrix): WrittenTensor => {
    const type = typeOf(matrix, options);
    const data = Buffer.concat(matrix.rows.map((row) => quantiseRow(type, row)));
    return { name: matrix.name, shape: matrix.shape, type: ggmlIds[type], data };
  });
  return gguf({ version, metadata: { ...(await metadataOf(folder)), ...options.metadata }, tensors });
}

/** Rounds the float32 weights in a Hugging Face folder to what they are in such a GGUF file. */
export async function roundWeights(folder: string, options: ConvertOptions): Promise<void> {
  const path = join(folder, "model.safetensors");
  const { header, data } = await readSafetensorsFile(path);
  for (const matrix of await readMatrices(folder)) {
    const type = typeOf(matrix, options);
    const rows = matrix.rows.map((row) => dequantiseRow(type, quantiseRow(type, row)));
    const values = (matrix.isTransposed ? transpose(rows) : rows).flatMap((row) => [...row]);
    data.set(new Uint8Array(Float32Array.from(values).buffer), entryOf(header, matrix.stored).data_offsets[0]);
  }
  await writeFile(path, safetensors(header, data));
}

function typeOf({ name, shape }: Matrix, { type = "F32", types = {} }: ConvertOptions): GgmlType {
  const isVector = shape.length === 1 || name === "position_embd.weight";
  return types[name] ?? (isVector ? "F32" : type);
}

interface Matrix {
  /** llama.cpp's name, and transformers'. */
  readonly name: string;
  readonly stored: string;
  /** Row-major, of the rows. */
  readonly shape: readonly number[];
  readonly rows: readonly Float32Array[];
  readonly isTransposed: boolean;
}

/** The tensors of a Hugging Face GPT-2 as llama.cpp has them: weights of Conv1D transposed. */
async function readMatrices(folder: string): Promise<Matrix[]> {
  const { header, data } = await readSafetensorsFile(join(folder, "model.safetensors"));
  const entries = Object.entries(header).filter(([name]) => name !== "__metadata__");
  return entries.map(([stored, { dtype, shape, data_offsets: offsets }]) => {
    const values = toFloat32(dtype, data.subarray(...offsets));
    const [outer = 1, inner = outer] = shape;
    const rows = chunks(values, inner);
    const { name, isLinear: isTransposed } = llamaName(stored);
    if (!isTransposed) return { name, stored, shape, rows, isTransposed };
    return { name, stored, shape: [inner, outer], rows: transpose(rows), isTransposed };
  });
}

const parts: Readonly<Record<string, string>> = {
  ln_1: "attn_norm",
  "attn.c_attn": "attn_qkv",
  "attn.c_proj": "attn_output",
  ln_2: "ffn_norm",
  "mlp.c_fc": "ffn_up",
  "mlp.c_proj": "ffn_down",
};
const others: Readonly<Record<string, string>> = {
  wte: "token_embd",
  wpe: "position_embd",
  ln_f: "output_norm",
  lm_head: "output",
};

function llamaName(stored: string): { name: string; isLinear: boolean } {
  const [, path = "", end = ""] = /^(?:transformer\.)?(.+)\.(weight|bias)$/.exec(stored) ?? [];
  const [, layer, part = ""] = /^h\.(\d+)\.(.+)$/.exec(path) ?? [];
  const name = layer === undefined ? others[path] : `blk.${layer}.${parts[part] ?? "unknown"}`;
  return { name: `${name ?? path}.${end}`, isLinear: end === "weight" && part.includes(".c_") };
}

/** What the file says of the model and its tokenizer. */
export async function metadataOf(folder: string): Promise<Record<string, Typed>> {
  const config = await readJson<Record<string, number>>(join(folder, "config.json"));
  const json = await readJson<TokenizerJson>(join(folder, "tokenizer.json"));
  const { n_embd: width = 0, n_layer: layers = 0, n_head: heads = 0, n_positions: positions = 0 } = config;
  const { vocab_size: size = 0, layer_norm_epsilon: epsilon = 1e-5, eos_token_id: eos = 0 } = config;
  const tokens = Array.from({ length: size }, (_, id) => `[PAD${id}]`);
  const types = tokens.map(() => 5);
  const put = (content: string, id: number, type: number): void => {
    [tokens[id], types[id]] = [content, type];
  };
  for (const [content, id] of Object.entries(json.model.vocab)) put(content, id, 1);
  for (const { content, id, special } of json.added_tokens) put(content, id, special ? 3 : 4);
  return {
    "general.architecture": ["string", "gpt2"],
    "gpt2.context_length": ["u32", positions],
    "gpt2.embedding_length": ["u32", width],
    "gpt2.block_count": ["u32", layers],
    "gpt2.feed_forward_length": ["u32", 4 * width],
    "gpt2.attention.head_count": ["u32", heads],
    "gpt2.attention.layer_norm_epsilon": ["f32", epsilon],
    "general.file_type": ["u32", 0],
    "tokenizer.ggml.model": ["string", "gpt2"],
    "tokenizer.ggml.pre": ["string", "gpt-2"],
    "tokenizer.ggml.tokens": ["string", tokens],
    "tokenizer.ggml.token_type": ["i32", types],
    "tokenizer.ggml.merges": ["string", json.model.merges.map((merge) => merge.join(" "))],
    "tokenizer.ggml.bos_token_id": ["u32", eos],
    "tokenizer.ggml.eos_token_id": ["u32", eos],
  };
}

interface TokenizerJson {
  readonly model: { readonly vocab: Record<string, number>; readonly merges: string[][] };
  readonly added_tokens: { readonly content: string; readonly id: number; readonly special: boolean }[];
}

function toFloat32(dtype: string, bytes: Buffer): Float32Array {
  const types: Readonly<Record<string, GgmlType>> = { F32: "F32", F16: "F16", BF16: "BF16" };
  const type = types[dtype];
  if (type === undefined) throw new Error(`the fixture has a tensor in ${dtype}`);
  return dequantiseRow(type, bytes);
}

function chunks(values: Float32Array, length: number): Float32Array[] {
  return Array.from({ length: values.length / length }, (_, row) => values.subarray(row * length, (row + 1) * length));
}

function transpose(rows: readonly Float32Array[]): Float32Array[] {
  return Array.from(rows[0] ?? [], (_, column) => Float32Array.from(rows, (row) => row[column] ?? NaN));
}
