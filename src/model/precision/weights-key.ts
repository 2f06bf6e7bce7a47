import { createHash, type Hash } from "node:crypto";
import { open, stat } from "node:fs/promises";
import path from "node:path";
import type { QuantiseSource } from "./quantise.js";
import type { WeightDtype } from "./dtypes.js";

/** Changes when the same weights give other codes. */
const formatVersion = 1;
/** Bytes in the middle of each tensor that the key is taken over. */
const sampleBytes = 4096;

/**
 * Names what a checkpoint's factors become in a precision. With the model's digest, which a fetched model has, the key
 * is the same wherever the model lies. Without one it is taken over the tensors' names, types, shapes and places, the
 * files' sizes and times of change, and some bytes of every tensor: reading them all would take longer than quantising
 * is worth.
 * @param digest of the files that the factors are in.
 */
export async function weightsKey(
  { folder, factors }: QuantiseSource,
  dtype: WeightDtype,
  digest?: string,
): Promise<string> {
  const hash = createHash("sha256");
  hash.update(JSON.stringify({ formatVersion, dtype, factors, digest }));
  if (digest === undefined) await addSamples(hash, folder, factors);
  return hash.digest("hex").slice(0, 32);
}

async function addSamples(hash: Hash, folder: string, factors: QuantiseSource["factors"]): Promise<void> {
  for (const file of new Set(factors.map(({ record }) => record.file))) {
    const handle = await open(path.join(folder, file));
    try {
      const { size, mtimeNs } = await stat(path.join(folder, file), { bigint: true });
      hash.update(`${file} ${size} ${mtimeNs}`);
      for (const { record } of factors) {
        if (record.file !== file) continue;
        const sample = Buffer.alloc(Math.min(sampleBytes, record.byteLength));
        await handle.read(sample, 0, sample.length, record.offset + ((record.byteLength - sample.length) >> 1));
        hash.update(sample);
      }
    } finally {
      await handle.close();
    }
  }
}
