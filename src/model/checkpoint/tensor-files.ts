/** Finds the files that hold a checkpoint's tensors: one file, or several shards named by an index. */
import { basename } from "node:path";
import { CheckpointError } from "../../errors.js";
import { weightFiles } from "./file-names.js";
import { isJsonObject, readJsonObject } from "./json.js";
import { quote } from "./messages.js";
import { readPytorchTensors } from "./pytorch.js";
import { readSafetensors } from "./safetensors.js";
import type { TensorRecord } from "./tensor-record.js";

type ReadFile = (folder: string, file: string) => TensorRecord[] | Promise<TensorRecord[]>;

/** In the order in which transformers looks: safetensors first, one file before shards. */
const formats: readonly { readonly file: string; readonly index: string; readonly read: ReadFile }[] = [
  { ...weightFiles.safetensors, read: readSafetensors },
  { ...weightFiles.pytorch, read: readPytorchTensors },
];

/**
 * Every tensor of the checkpoint in `folder` by name; `present` lists the folder's files.
 * @throws {CheckpointError} when there are no tensor files, or they contradict themselves or their index.
 */
export async function readTensors(
  folder: string,
  present: readonly string[],
): Promise<ReadonlyMap<string, TensorRecord>> {
  for (const { file, index, read } of formats) {
    if (present.includes(file)) return byName(await read(folder, file));
    if (present.includes(index)) return byName(await readShards(folder, index, present, read));
  }
  const wanted = formats.flatMap(({ file, index }) => [file, index]).join(", ");
  throw new CheckpointError(`no weights: expected one of ${wanted}, found ${present.toSorted().join(", ")}`);
}

function byName(records: readonly TensorRecord[]): ReadonlyMap<string, TensorRecord> {
  return new Map(records.map((record) => [record.name, record]));
}

async function readShards(
  folder: string,
  index: string,
  present: readonly string[],
  read: ReadFile,
): Promise<TensorRecord[]> {
  const shardOf = await readIndex(folder, index);
  const shards = [...new Set(shardOf.values())];
  const missing = shards.filter((shard) => !present.includes(shard));
  if (missing.length > 0) throw new CheckpointError(`${index}: missing shard ${missing.map(quote).join(", ")}`);

  const records: TensorRecord[] = [];
  for (const shard of shards) records.push(...(await read(folder, shard)));
  checkAgainstIndex(index, shardOf, records);
  return records;
}

/** Tensor name to shard, as the index has it. */
async function readIndex(folder: string, index: string): Promise<ReadonlyMap<string, string>> {
  const { weight_map: weightMap } = await readJsonObject(folder, index);
  if (!isJsonObject(weightMap)) throw new CheckpointError(`${index}: weight_map must be an object`);
  const shardOf = new Map<string, string>();
  for (const [name, shard] of Object.entries(weightMap)) {
    if (typeof shard !== "string" || !isPlainFileName(shard)) {
      throw new CheckpointError(
        `${index}: tensor ${quote(name)}: shard must be a file name, got ${typeof shard === "string" ? quote(shard) : typeof shard}`,
      );
    }
    shardOf.set(name, shard);
  }
  return shardOf;
}

/** A shard outside the folder would let a checkpoint read any file of the machine. */
function isPlainFileName(name: string): boolean {
  return name !== "" && name !== "." && name !== ".." && basename(name) === name && !/[\\\0]/.test(name);
}

function checkAgainstIndex(
  index: string,
  shardOf: ReadonlyMap<string, string>,
  records: readonly TensorRecord[],
): void {
  const found = new Set<string>();
  for (const { name, file } of records) {
    const shard = shardOf.get(name);
    if (shard === undefined) throw new CheckpointError(`${index}: does not name tensor ${quote(name)} of ${file}`);
    if (shard !== file)
      throw new CheckpointError(`${index}: tensor ${quote(name)} should be in ${shard}, found in ${file}`);
    found.add(name);
  }
  for (const [name, shard] of shardOf) {
    if (!found.has(name)) throw new CheckpointError(`${index}: tensor ${quote(name)} is not in ${shard}`);
  }
}
