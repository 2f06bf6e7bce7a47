/** What the tests of conversions share. */
import { join } from "node:path";
import { exportModel, type ExportOptions } from "../../../src/model/export/export-model.js";
import { readSafetensorsFile, temporaryFolder } from "../../support/checkpoints.js";

export type GivenOptions = Partial<ExportOptions> & Pick<ExportOptions, "source">;

/** Converts to a new folder, to safetensors unless told otherwise. */
export async function convert(options: GivenOptions) {
  return exportModel({
    destination: join(await temporaryFolder(), "converted"),
    format: "safetensors",
    isOverwriting: false,
    signal: new AbortController().signal,
    ...options,
  });
}

export interface ReadTensor {
  readonly dtype: string;
  readonly shape: readonly number[];
  /** Hexadecimal. */
  readonly bytes: string;
}

/** The tensors of a folder's `model.safetensors`, by name. */
export async function readTensors(folder: string): Promise<ReadonlyMap<string, ReadTensor>> {
  const { header, data } = await readSafetensorsFile(join(folder, "model.safetensors"));
  const entries = Object.entries(header).filter(([name]) => name !== "__metadata__");
  return new Map(
    entries.map(
      ([
        name,
        {
          dtype,
          shape,
          data_offsets: [start, end],
        },
      ]) => [name, { dtype, shape, bytes: data.subarray(start, end).toString("hex") }],
    ),
  );
}
