import { copyFile, mkdir, open, rename, stat, writeFile } from "node:fs/promises";
import path from "node:path";

/** Sizes of a GPT-2. */
export interface Gpt2Sizes {
  readonly layers: number;
  readonly heads: number;
  readonly width: number;
  readonly positions: number;
  readonly vocabularySize: number;
}

/** The shape of the GPT-2 that is called "small" or "124M". */
export const gpt2Small: Gpt2Sizes = { layers: 12, heads: 12, width: 768, positions: 1024, vocabularySize: 50_257 };

const tokenizerFiles = ["tokenizer.json", "tokenizer_config.json"];

/**
 * A GPT-2 checkpoint with random weights, float32, in `folder`: written once, then reused. Speed depends on
 * the shape only; texts from it mean nothing.
 * @param tokenizerFolder where its tokenizer is copied from: by default the real GPT-2's, from the tests' fixtures.
 */
export async function randomCheckpoint(
  folder: string,
  sizes: Gpt2Sizes = gpt2Small,
  tokenizerFolder = path.join("test", "fixtures", "gpt2-vocab"),
): Promise<string> {
  if (await exists(path.join(folder, "config.json"))) return folder;
  await mkdir(folder, { recursive: true });
  await writeWeights(path.join(folder, "model.safetensors"), sizes);
  for (const file of tokenizerFiles) await copyFile(path.join(tokenizerFolder, file), path.join(folder, file));
  await writeFile(path.join(folder, "config.json"), JSON.stringify(config(sizes), undefined, 2)); // last: marks it whole
  return folder;
}

function config(sizes: Gpt2Sizes): Record<string, unknown> {
  return {
    architectures: ["GPT2LMHeadModel"],
    model_type: "gpt2",
    activation_function: "gelu_new",
    n_layer: sizes.layers,
    n_head: sizes.heads,
    n_embd: sizes.width,
    n_positions: sizes.positions,
    vocab_size: sizes.vocabularySize,
    layer_norm_epsilon: 1e-5,
    eos_token_id: sizes.vocabularySize - 1,
    tie_word_embeddings: true,
  };
}

interface WeightSpec {
  readonly shape: readonly number[];
  /** Standard deviation of the random values; undefined = all ones (a LayerNorm's gain). */
  readonly deviation: number | undefined;
}

function weightSpecs(sizes: Gpt2Sizes): Map<string, WeightSpec> {
  const { width } = sizes;
  const specs = new Map<string, WeightSpec>();
  const linear = (name: string, inWidth: number, outWidth: number): void => {
    specs.set(`${name}.weight`, { shape: [inWidth, outWidth], deviation: 1 / Math.sqrt(inWidth) });
    specs.set(`${name}.bias`, { shape: [outWidth], deviation: 0.02 });
  };
  const norm = (name: string): void => {
    specs.set(`${name}.weight`, { shape: [width], deviation: undefined });
    specs.set(`${name}.bias`, { shape: [width], deviation: 0.02 });
  };
  specs.set("transformer.wte.weight", { shape: [sizes.vocabularySize, width], deviation: 0.1 });
  specs.set("transformer.wpe.weight", { shape: [sizes.positions, width], deviation: 0.02 });
  for (let layer = 0; layer < sizes.layers; layer += 1) {
    const name = `transformer.h.${layer}`;
    norm(`${name}.ln_1`);
    linear(`${name}.attn.c_attn`, width, 3 * width);
    linear(`${name}.attn.c_proj`, width, width);
    norm(`${name}.ln_2`);
    linear(`${name}.mlp.c_fc`, width, 4 * width);
    linear(`${name}.mlp.c_proj`, 4 * width, width);
  }
  norm("transformer.ln_f");
  return specs;
}

/** safetensors: header length, JSON header, then the tensors one after another. */
async function writeWeights(file: string, sizes: Gpt2Sizes): Promise<void> {
  const specs = weightSpecs(sizes);
  const header: Record<string, unknown> = {};
  let offset = 0;
  for (const [name, { shape }] of specs) {
    const end = offset + elements(shape) * Float32Array.BYTES_PER_ELEMENT;
    header[name] = { dtype: "F32", shape, data_offsets: [offset, end] };
    offset = end;
  }
  const json = Buffer.from(JSON.stringify(header));
  const padded = Buffer.concat([json, Buffer.alloc((8 - (json.length % 8)) % 8, " ")]);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(padded.length));
  const partial = `${file}.${process.pid}.part`; // another process may be writing the same one
  const handle = await open(partial, "w");
  try {
    await handle.writeFile(Buffer.concat([length, padded]));
    const normal = normalNumbers(1);
    for (const { shape, deviation } of specs.values())
      await handle.writeFile(values(elements(shape), deviation, normal));
  } finally {
    await handle.close();
  }
  await rename(partial, file);
}

const elements = (shape: readonly number[]): number => shape.reduce((product, size) => product * size, 1);

function values(count: number, deviation: number | undefined, normal: () => number): Uint8Array {
  const numbers = new Float32Array(count);
  for (let index = 0; index < count; index += 1) numbers[index] = deviation === undefined ? 1 : deviation * normal();
  return new Uint8Array(numbers.buffer);
}

/** Normally distributed numbers, near enough: sums of four uniform draws of a small generator (xorshift32). */
function normalNumbers(seed: number): () => number {
  let state = seed;
  const uniform = (): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32 - 0.5;
  };
  return () => (uniform() + uniform() + uniform() + uniform()) * Math.sqrt(3);
}

async function exists(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    () => false,
  );
}
