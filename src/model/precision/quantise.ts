/**
 * Makes a file of quantised factors out of a checkpoint's, tensor by tensor: no second copy of the weights exists in
 * float32. The arithmetic is done by ONNX Runtime, on its threads and off the event loop.
 */
import type { SessionOptions } from "../../ort/index.js";
import { sizeOf, type Factor } from "../graph/products.js";
import { Quantiser } from "./quantiser.js";
import { codesName, scalesName, type Scheme, type StoredType } from "./scheme.js";
import { writeTensorFile, type TensorList } from "./tensor-file.js";

/** 16 MiB of float32. */
const defaultNumbersAtOnce = 4 << 20;

export interface QuantiseSource {
  /** The checkpoint's folder. */
  readonly folder: string;
  readonly factors: readonly Factor[];
}

/** What a file of quantised factors holds. */
function quantisedTensors(factors: readonly Factor[], scheme: Scheme): TensorList {
  return new Map(
    factors.flatMap((factor): [string, StoredType][] => [
      [scalesName(factor), scheme.scales(sizeOf(factor))],
      [codesName(factor), scheme.codes(sizeOf(factor))],
    ]),
  );
}

/**
 * @param file where the quantised factors go.
 * @param numbersAtOnce numbers of an output-major factor that are in memory at once; an input-major one runs whole.
 * @throws {CheckpointError} when a weight is infinite or not a number, with the tensor's name.
 */
export async function quantise(
  source: QuantiseSource,
  scheme: Scheme,
  file: string,
  options: SessionOptions,
  numbersAtOnce: number = defaultNumbersAtOnce,
): Promise<void> {
  using quantiser = new Quantiser(source.folder, scheme, options, numbersAtOnce);
  await writeTensorFile(file, quantisedTensors(source.factors, scheme), async (append) => {
    for (const factor of source.factors) {
      using found = await quantiser.quantise(factor);
      await append(found.scales.bytes());
      await append(found.codes.bytes());
    }
  });
}
