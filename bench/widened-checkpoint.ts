/** A checkpoint that says what a small trained GPT-2 says, in the shape of a larger one. */
import { copyFile, mkdir, open, rename, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { gpt2Weights, parseGpt2Config, type Gpt2Config } from "../src/model/architectures/gpt2-config.js";
import { openCheckpoint, type Checkpoint } from "../src/model/checkpoint/checkpoint.js";
import type { TensorRecord } from "../src/model/checkpoint/tensor-record.js";
import { safetensorsFile } from "../src/model/export/safetensors-file.js";
import { storedNumbers } from "../src/model/export/stored-numbers.js";
import { copiesOf, widenedTensors, type WidenedSizes, type WidenedTensor } from "./widened-weights.js";

const companions = ["tokenizer.json", "tokenizer_config.json", "generation_config.json"];

/**
 * The checkpoint in `folder`, float32: written once, then reused. Its greedy tokens, log-probabilities and draws are the
 * source's up to rounding; its tokenizer is the source's, so that no text has the tokens that it has more.
 *
 * @param source folder of a GPT-2 with `tokenizer.json`, its configuration and `generation_config.json`.
 * @throws {HarnessError} when the source cannot be widened to these sizes.
 * @throws {CheckpointError} when the source cannot be read.
 */
export async function widenedCheckpoint(folder: string, source: string, sizes: WidenedSizes): Promise<string> {
  if (await exists(path.join(folder, "config.json"))) return folder;
  const checkpoint = await openCheckpoint(source);
  const config = parseGpt2Config(checkpoint.config);
  const tensors = widenedTensors(config, gpt2Weights(config, checkpoint.tensors), sizes);
  await mkdir(folder, { recursive: true });
  await writeTensors(path.join(folder, "model.safetensors"), checkpoint.folder, tensors);
  for (const file of companions) await copyFile(path.join(source, file), path.join(folder, file));
  const fields = { ...checkpoint.config, ...widenedFields(config, sizes) };
  await writeFile(path.join(folder, "config.json"), JSON.stringify(fields, undefined, 2)); // last: marks it whole
  return folder;
}

function widenedFields(config: Gpt2Config, sizes: WidenedSizes): Checkpoint["config"] {
  const copies = copiesOf(config, sizes);
  return {
    n_layer: sizes.layers,
    n_head: copies * config.heads,
    n_embd: sizes.width,
    n_inner: copies * config.innerWidth,
    vocab_size: sizes.vocabularySize,
    dtype: "float32",
  };
}

async function writeTensors(file: string, sourceFolder: string, tensors: readonly WidenedTensor[]): Promise<void> {
  const partial = `${file}.${process.pid}.part`; // another process may be writing the same one
  const handle = await open(partial, "w");
  try {
    await handle.writeFile(safetensorsFile(tensors.map(recordOf), "float32").head);
    for (const { source, widen } of tensors) {
      const { buffer } = widen(await numbersOf(sourceFolder, source));
      await handle.writeFile(new Uint8Array(buffer));
    }
  } finally {
    await handle.close();
  }
  await rename(partial, file);
}

/** As it is once it is written. */
function recordOf({ name, shape }: WidenedTensor): TensorRecord {
  const byteLength = shape.reduce((product, size) => product * size, Float32Array.BYTES_PER_ELEMENT);
  return { name, elementType: "float32", shape, file: "", offset: 0, byteLength };
}

async function numbersOf(folder: string, record: TensorRecord): Promise<Float32Array> {
  const numbers = new Float32Array(record.shape.reduce((product, size) => product * size, 1));
  let filled = 0;
  for await (const piece of storedNumbers(folder, record)) {
    numbers.set(piece, filled);
    filled += piece.length;
  }
  return numbers;
}

async function exists(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    () => false,
  );
}
