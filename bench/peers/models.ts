/** The one checkpoint in each peer's own format, converted on first use. */
import { execFile } from "node:child_process";
import { mkdir, rename, rm, stat, symlink, writeFile } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import type { Gpt2Sizes } from "../checkpoint.js";
import type { GgmlType } from "./gguf/blocks.js";
import { convertToGguf } from "./gguf/gpt2.js";
import type { PeerFolder } from "./install.js";
import { PeerError } from "./peer-process.js";

const run = promisify(execFile);

export type Format =
  | "checkpoint"
  | `gguf-${GgmlType}`
  | "ctranslate2-float32"
  | "ctranslate2-int8"
  | "onnx"
  | "genai-float32"
  | "genai-int8";

export interface SourceCheckpoint {
  /** Absolute. */
  readonly folder: string;
  readonly name: string;
  readonly sizes: Gpt2Sizes;
}

/**
 * @returns absolute path of the file or folder.
 * @throws {PeerError} when a peer's converter fails.
 */
export async function modelIn(format: Format, checkpoint: SourceCheckpoint, peers: PeerFolder): Promise<string> {
  if (format === "checkpoint") return checkpoint.folder;
  const models = path.join(peers.folder, "models", checkpoint.name);
  const target = path.join(models, format.startsWith("gguf-") ? `${format}.gguf` : format);
  if (await exists(target)) return target;
  const partial = path.join(models, `partial-${path.basename(target)}`);
  await rm(partial, { recursive: true, force: true });
  await mkdir(models, { recursive: true });
  await convert(format, checkpoint, peers, partial);
  await rename(partial, target); // it is whole
  return target;
}

async function convert(
  format: Exclude<Format, "checkpoint">,
  checkpoint: SourceCheckpoint,
  peers: PeerFolder,
  target: string,
): Promise<void> {
  switch (format) {
    case "gguf-F32":
    case "gguf-Q4_0":
    case "gguf-Q8_0":
      return convertToGguf(checkpoint.folder, format.slice("gguf-".length) as GgmlType, target);
    case "ctranslate2-float32":
    case "ctranslate2-int8": {
      const precision = format.slice("ctranslate2-".length);
      return python(peers, "venv", ["ctranslate2_convert.py", checkpoint.folder, target, precision]);
    }
    case "onnx":
      await peers.require("onnx-export");
      return python(peers, "export", ["onnx_export.py", checkpoint.folder, target]);
    case "genai-float32":
    case "genai-int8":
      return makeGenaiFolder(format, checkpoint, await modelIn("onnx", checkpoint, peers), target);
  }
}

async function python(
  peers: PeerFolder,
  environment: "venv" | "export",
  [file = "", ...args]: readonly string[],
): Promise<void> {
  try {
    await run(peers.python(environment), [peers.program(file), ...args]);
  } catch (error) {
    const { stderr } = error as { readonly stderr?: string };
    throw new PeerError(`${file} failed: ${(stderr ?? "").trim().split("\n").at(-1) ?? ""}`);
  }
}

/**
 * onnxruntime-genai's model builder has no GPT-2. Its generator takes any decoder whose inputs are named, though: the
 * optimum export under the type of a plain decoder.
 */
async function makeGenaiFolder(
  format: "genai-float32" | "genai-int8",
  { sizes }: SourceCheckpoint,
  onnx: string,
  target: string,
): Promise<void> {
  const file = format === "genai-float32" ? "model.onnx" : "model_quantized.onnx";
  await mkdir(target);
  await symlink(path.join(onnx, "onnx", file), path.join(target, "model.onnx"));
  await writeFile(path.join(target, "genai_config.json"), JSON.stringify(genaiConfig(sizes), undefined, 2));
}

function genaiConfig({ layers, heads, width, positions, vocabularySize }: Gpt2Sizes): object {
  const endOfText = vocabularySize - 1;
  return {
    model: {
      type: "llama",
      bos_token_id: endOfText,
      eos_token_id: endOfText,
      pad_token_id: endOfText,
      context_length: positions,
      vocab_size: vocabularySize,
      decoder: {
        session_options: { provider_options: [] },
        filename: "model.onnx",
        head_size: width / heads,
        hidden_size: width,
        num_attention_heads: heads,
        num_hidden_layers: layers,
        num_key_value_heads: heads,
        inputs: {
          input_ids: "input_ids",
          attention_mask: "attention_mask",
          position_ids: "position_ids",
          past_key_names: "past_key_values.%d.key",
          past_value_names: "past_key_values.%d.value",
        },
        outputs: { logits: "logits", present_key_names: "present.%d.key", present_value_names: "present.%d.value" },
      },
    },
    search: { do_sample: false, max_length: positions, past_present_share_buffer: false },
  };
}

async function exists(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    () => false,
  );
}
