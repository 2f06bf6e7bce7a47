/** The files beside the weights: configuration, tokenizer, generation configuration. */
import { cp, readdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { CheckpointError } from "../../errors.js";
import type { Checkpoint } from "../checkpoint/checkpoint.js";
import { smallFiles } from "../checkpoint/file-names.js";
import { isGgufPath } from "../checkpoint/gguf/path.js";
import type { JsonObject } from "../checkpoint/json.js";
import { loadTokenizer } from "../huggingface-tokenizer.js";
import type { ExportDtype } from "./formats.js";
import type { OutputFolder } from "./output-folder.js";

export interface CompanionSource {
  readonly checkpoint: Checkpoint;
  /** The checkpoint's folder, or its GGUF file. */
  readonly path: string;
  /** Tokens of the longest sequence. */
  readonly positions: number;
}

/**
 * Writes all of them.
 * @returns what is missing and why, for people: a model without a tokenizer is converted all the same.
 * @throws {ConfigurationError} when the folder cannot be written.
 */
export async function writeCompanions(
  source: CompanionSource,
  output: OutputFolder,
  dtype: ExportDtype,
): Promise<string[]> {
  await writeJson(output, "config.json", configOf(source.checkpoint.config, dtype));
  const missing = isGgufPath(source.path) ? await writeFromGguf(source, output) : await copyFiles(source, output);
  return missing === undefined ? [] : [missing];
}

/** `torch_dtype` is the name that every version of transformers reads; `dtype` is the newer one. */
function configOf(config: JsonObject, dtype: ExportDtype): JsonObject {
  return { ...config, dtype: undefined, torch_dtype: dtype };
}

/** Copied as they are. */
async function copyFiles({ path: folder }: CompanionSource, output: OutputFolder): Promise<string | undefined> {
  const wanted: readonly string[] = [
    ...smallFiles.filter((name) => name !== "config.json"),
    "additional_chat_templates",
  ];
  const names = (await readdir(folder)).filter((name) => wanted.includes(name));
  for (const name of names) {
    await output.write(name, (file) => cp(path.join(folder, name), file, { recursive: true, dereference: true }));
  }
  return tokenizerProblem(folder);
}

async function tokenizerProblem(path: string): Promise<string | undefined> {
  try {
    await loadTokenizer(path);
    return undefined;
  } catch (error) {
    if (!(error instanceof CheckpointError)) throw error;
    return `no tokenizer that can be served: ${error.message}`;
  }
}

/** What is inside the one file, as the files that it was made of. */
async function writeFromGguf(source: CompanionSource, output: OutputFolder): Promise<string | undefined> {
  const { eos_token_id: eosTokenId } = source.checkpoint.config;
  if (eosTokenId !== undefined) await writeJson(output, "generation_config.json", { eos_token_id: eosTokenId });
  const [{ readGgufTokenizer }, { tokenizerConfig, tokenizerJson }] = await Promise.all([
    import("../checkpoint/gguf/checkpoint.js"),
    import("./tokenizer-json.js"),
  ]);
  try {
    const tokenizer = readGgufTokenizer(source.path);
    await writeJson(output, "tokenizer.json", tokenizerJson(tokenizer));
    await writeJson(output, "tokenizer_config.json", tokenizerConfig(tokenizer, source.positions));
    return undefined;
  } catch (error) {
    if (!(error instanceof CheckpointError)) throw error;
    return `tokenizer.json and tokenizer_config.json were not written: ${error.message}`;
  }
}

async function writeJson(output: OutputFolder, name: string, value: JsonObject): Promise<void> {
  await output.write(name, (file) => writeFile(file, `${JSON.stringify(value, null, 2)}\n`));
}
