import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { CheckpointError } from "../../../src/errors.js";
import { architectureOf, openCheckpoint } from "../../../src/model/index.js";
import type { Factor } from "../../../src/model/graph/products.js";
import { quantise } from "../../../src/model/precision/quantise.js";
import { schemes } from "../../../src/model/precision/schemes.js";
import type { SmallDtype } from "../../../src/model/precision/dtypes.js";
import { readTensorFile } from "../../../src/model/precision/tensor-file.js";
import { liveTensors } from "../../../src/ort/index.js";
import {
  copyCheckpoint,
  fixture,
  readSafetensorsFile,
  safetensors,
  temporaryFolder,
} from "../../support/checkpoints.js";
import { Random } from "../../support/random.js";

type Bytes = ReadonlyMap<string, Buffer>;

/** Each quantised tensor's bytes, by its name without the prefix that some checkpoints have. */
async function quantised(
  folder: string,
  factors: readonly Factor[],
  dtype: SmallDtype,
  numbersAtOnce?: number,
): Promise<Bytes> {
  const file = join(await temporaryFolder(), "quantised.safetensors");
  const options = { externalDataFolder: folder, threads: 2, isSpinning: false };
  await quantise({ folder, factors }, schemes[dtype], file, options, numbersAtOnce);
  const [tensors, bytes] = [await readTensorFile(file, folder), await readFile(file)];
  const parts = [...(tensors ?? [])].filter(([name]) => name !== "checksum"); // over the names as well
  return new Map(
    Array.from(parts, ([name, { offset, byteLength }]) => [
      name.replace("transformer.", ""),
      bytes.subarray(offset, offset + byteLength),
    ]),
  );
}

async function quantisedCheckpoint(folder: string): Promise<Bytes> {
  const checkpoint = await openCheckpoint(folder);
  return quantised(checkpoint.folder, architectureOf(checkpoint).read(checkpoint).factors, "int8");
}

/** A factor of those numbers in a file of its own. */
async function quantisedNumbers(
  numbers: readonly number[],
  shape: readonly [number, number],
  major: Factor["major"],
  dtype: SmallDtype,
  numbersAtOnce?: number,
): Promise<{ codes: number[]; scales: number[] }> {
  const folder = await temporaryFolder();
  const values = Float32Array.from(numbers);
  await writeFile(join(folder, "numbers"), values);
  const place = { file: "numbers", offset: 0, byteLength: values.byteLength };
  const factor = { record: { name: "w", elementType: "float32", shape, ...place }, major } as const;
  const bytes = await quantised(folder, [factor], dtype, numbersAtOnce);
  const [codes = Buffer.alloc(0), scales = Buffer.alloc(0)] = [bytes.get("w.codes"), bytes.get("w.scales")];
  const typed = dtype === "int8" ? new Int8Array(codes) : new Uint8Array(codes);
  return { codes: [...typed], scales: [...new Float32Array(new Uint8Array(scales).buffer)] };
}

describe("codes and scales", () => {
  test("of int8 are by column, [in, out], whichever way the weight is stored", async () => {
    // Two inputs, three outputs, with the largest numbers 127, 2.54 and 0.
    const expected = {
      codes: [127, -100, 0, -3, 127, 0],
      scales: [expect.closeTo(1, 6), expect.closeTo(0.02, 6), expect.closeTo(0, 6)] as unknown[],
    };
    const inputMajor = await quantisedNumbers([127, -2, 0, -3, 2.54, 0], [2, 3], "input", "int8");
    const outputMajor = await quantisedNumbers([127, -3, -2, 2.54, 0, 0], [3, 2], "output", "int8");
    expect([inputMajor, outputMajor]).toEqual([expected, expected]);
  });

  test("of int8-block are by 32 inputs, [out, blocks, 32], the last block filled up", async () => {
    const row = [254, -127, ...new Array<number>(30).fill(0), 1, -0.5];
    const found = await quantisedNumbers(row, [1, 34], "output", "int8-block");
    const zeros = (count: number): number[] => new Array<number>(count).fill(128);
    expect(found.codes).toEqual([255, 64, ...zeros(30), 255, 64, ...zeros(30)]);
    expect(found.scales).toEqual([expect.closeTo(2, 6), expect.closeTo(1 / 127, 6)]);
  });

  test("of int4 put the number furthest from zero at the end of the range, two codes in a byte", async () => {
    // Output 0 has -16 furthest from zero: steps of 2; output 1 has 8: steps of -1. 15.5 is beyond the last of the former.
    const first = [-16, 2, 0, 15.5, ...new Array<number>(28).fill(0)];
    const second = [8, -7, 7, 0, ...new Array<number>(28).fill(0)];
    const columns = first.flatMap((value, index) => [value, second[index] ?? 0]);
    const found = await quantisedNumbers(columns, [32, 2], "input", "int4");
    const zeros = new Array<number>(14).fill(0x88);
    expect(found.codes).toEqual([0x90, 0xf8, ...zeros, 0xf0, 0x81, ...zeros]);
    expect(found.scales).toEqual([2, -1]);
  });

  test("of a block or column of zeros are zeros with a scale above zero", async () => {
    for (const dtype of ["int8", "int8-block", "int4"] as const) {
      const { codes, scales } = await quantisedNumbers(new Array<number>(64).fill(0), [32, 2], "input", dtype);
      expect(new Set(codes)).toEqual(new Set([{ int8: 0, "int8-block": 128, int4: 0x88 }[dtype]]));
      expect(scales.map((scale) => Math.abs(scale) > 0 && Math.abs(scale) < 1e-25)).toEqual([true, true]);
    }
  });
});

describe("the same weights in other files", () => {
  test.for(["micro-gpt2-sharded", "micro-gpt2-bin", "micro-gpt2-bin-base", "micro-gpt2-caikit/artifacts"])(
    "give the same codes and scales: %s",
    async (name) => {
      expect(await quantisedCheckpoint(fixture(name))).toEqual(await quantisedCheckpoint(fixture("micro-gpt2")));
    },
  );

  test.for([
    ["micro-gpt2-f16", fromFloat16],
    ["micro-gpt2-bf16", fromBfloat16],
  ] as const)("give those of their numbers in float32: %s", async ([name, widen]) => {
    const wide = await widened(fixture(name), widen);
    expect(await quantisedCheckpoint(fixture(name))).toEqual(await quantisedCheckpoint(wide));
  });
});

/** A copy of a checkpoint whose numbers of 16 bits are float32. */
async function widened(folder: string, widen: (bits: number) => number): Promise<string> {
  const copy = await copyCheckpoint("micro-gpt2");
  const { header, data } = await readSafetensorsFile(join(folder, "model.safetensors"));
  const bits = new Uint16Array(new Uint8Array(data).buffer);
  for (const entry of Object.values(header)) {
    if (!("dtype" in entry)) continue;
    entry.dtype = "F32";
    entry.data_offsets = entry.data_offsets.map((offset) => 2 * offset);
  }
  const values = Float32Array.from(bits, widen);
  await writeFile(join(copy, "model.safetensors"), safetensors(header, new Uint8Array(values.buffer)));
  return copy;
}

function fromBfloat16(bits: number): number {
  return new Float32Array(Uint32Array.of(bits << 16).buffer)[0] ?? NaN;
}

function fromFloat16(bits: number): number {
  const [sign, exponent, fraction] = [bits >> 15 ? -1 : 1, (bits >> 10) & 31, bits & 1023];
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

describe("weights that cannot be quantised", () => {
  test.for([NaN, Infinity, -Infinity])("are refused with the tensor's name and its file: %s", async (value) => {
    const numbers = [1, 2, value, 4];
    const message = "numbers: tensor 'w' has values that are infinite or not a number: it cannot be quantised";
    const before = liveTensors();
    for (const dtype of ["int8", "int8-block", "int4"] as const) {
      const quantising = quantisedNumbers(numbers, [2, 2], "input", dtype);
      await expect(quantising).rejects.toThrow(new CheckpointError(message));
    }
    expect(liveTensors()).toBe(before);
  });
});

test("a table of many rows is the same whether it is quantised whole or some rows at a time", async () => {
  const random = new Random(5);
  const numbers = Array.from({ length: 100 * 64 }, () => random.next() - 0.5);
  for (const dtype of ["int8", "int8-block", "int4"] as const) {
    const whole = await quantisedNumbers(numbers, [100, 64], "output", dtype);
    expect(await quantisedNumbers(numbers, [100, 64], "output", dtype, 7 * 64)).toEqual(whole);
  }
});
