/** What is in a Hugging Face checkpoint folder, or in a GGUF file, without reading the weights. */
import { readdir } from "node:fs/promises";
import { resolve } from "node:path";
import { CheckpointError } from "../../errors.js";
import { cannotBeRead } from "./access.js";
import { isGgufPath } from "./gguf/path.js";
import { readJsonObject, readOptionalJsonObject, systemErrorCode, type JsonObject } from "./json.js";
import { readTensors } from "./tensor-files.js";
import type { TensorRecord } from "./tensor-record.js";

export interface Checkpoint {
  /** Absolute. The `file` of a tensor record is relative to it. */
  readonly folder: string;
  /** `config.json` as it is, or what a GGUF file says in its words; an architecture parses it. */
  readonly config: JsonObject;
  /** `generation_config.json` as it is, if there is one. */
  readonly generationConfig: JsonObject | undefined;
  readonly tensors: ReadonlyMap<string, TensorRecord>;
}

/**
 * Reads a checkpoint's configuration and the headers of its tensor files.
 * @param path of the folder, or of the GGUF file that is the whole checkpoint.
 * @throws {CheckpointError} when the folder or a file in it cannot be read or contradicts itself.
 */
export async function openCheckpoint(path: string): Promise<Checkpoint> {
  const absolute = resolve(path);
  if (isGgufPath(absolute)) {
    const { openGgufCheckpoint } = await import("./gguf/checkpoint.js");
    return openGgufCheckpoint(absolute);
  }
  const present = await listFolder(absolute);
  if (present.length === 0) throw new CheckpointError(`model folder ${absolute} is empty`);
  if (!present.includes("config.json")) throw new CheckpointError(`model folder ${absolute} has no config.json`);
  return {
    folder: absolute,
    config: await readJsonObject(absolute, "config.json"),
    generationConfig: await readOptionalJsonObject(absolute, "generation_config.json"),
    tensors: await readTensors(absolute, present),
  };
}

async function listFolder(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    throw new CheckpointError(`model folder ${folder} ${describe(error)}`, { cause: error });
  }
}

function describe(error: unknown): string {
  const code = systemErrorCode(error);
  if (code === "ENOENT") return "does not exist";
  if (code === "ENOTDIR") return "is not a folder";
  return cannotBeRead(error, code ?? "unknown error");
}
