/** KV scales as a file of two tensors, [layers, kvHeads x headDim] each. */
import { readFile } from "node:fs/promises";
import { InternalError } from "../../errors.js";
import type { DecoderShape, KvScales } from "../graph/decoder-io.js";
import type { OpenedTensors } from "./tensor-store.js";
import { writeTensorFile } from "./tensor-file.js";

/** Changes when calibration or its text does. */
const formatVersion = 2;

/** Names the scales of a model whose weights have this key. */
export const kvScalesName = (weightsKey: string): string => `${weightsKey}-kv${formatVersion}`;

export async function writeKvScales(file: string, shape: DecoderShape, scales: KvScales): Promise<void> {
  const type = { elementType: "float32", shape: [shape.layers, shape.kvHeads * shape.headDim] } as const;
  const parts = Object.entries({ key: scales.key, value: scales.value });
  await writeTensorFile(file, new Map(parts.map(([name]) => [name, type])), async (append) => {
    for (const layer of parts.flatMap(([, layers]) => layers)) {
      await append(new Uint8Array(layer.buffer, layer.byteOffset, layer.byteLength));
    }
  });
}

export async function readKvScales({ file, tensors }: OpenedTensors): Promise<KvScales> {
  const bytes = await readFile(file);
  const layersOf = (name: "key" | "value"): Float32Array[] => {
    const record = tensors.get(name);
    const [layers, channels] = record?.shape ?? [];
    if (record === undefined || layers === undefined || channels === undefined) {
      throw new InternalError(`${file} has no ${name} scales`);
    }
    const all = new Float32Array(bytes.buffer.slice(bytes.byteOffset + record.offset), 0, layers * channels);
    return Array.from({ length: layers }, (_, layer) => all.slice(layer * channels, (layer + 1) * channels));
  };
  return { key: layersOf("key"), value: layersOf("value") };
}
