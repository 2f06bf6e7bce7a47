import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readSafetensors } from "../../../src/model/checkpoint/safetensors.js";
import { fixture, readSafetensorsFile, safetensors, temporaryFolder } from "../../support/checkpoints.js";

const file = "model.safetensors";
const data = Buffer.alloc(16);
/** A float32 vector of two and a float16 matrix of 2 x 2: 8 bytes each. */
const a = { dtype: "F32", shape: [2], data_offsets: [0, 8] };
const b = { dtype: "F16", shape: [2, 2], data_offsets: [8, 16] };
/** Where the tensors start behind the header { a, b }. */
const start = 8 + JSON.stringify({ a, b }).length;

async function read(bytes: Uint8Array) {
  const folder = await temporaryFolder();
  await writeFile(join(folder, file), bytes);
  return readSafetensors(folder, file);
}

test("gives each tensor's type, shape and place in the file", async () => {
  const header = JSON.stringify({ __metadata__: { format: "pt" }, a, b });
  const dataStart = 8 + header.length;
  expect(await read(safetensors(header, data))).toEqual([
    { name: "a", elementType: "float32", shape: [2], file, offset: dataStart, byteLength: 8 },
    { name: "b", elementType: "float16", shape: [2, 2], file, offset: dataStart + 8, byteLength: 8 },
  ]);
});

test("accepts scalars, tensors without elements, a padded header, and tensors in any order", async () => {
  const scalar = { dtype: "I64", shape: [], data_offsets: [0, 8] };
  const none = { dtype: "BOOL", shape: [3, 0], data_offsets: [8, 8] };
  const records = await read(safetensors(`${JSON.stringify({ b, none, scalar })}    `, data));
  expect(records.map(({ name, byteLength }) => [name, byteLength])).toEqual([
    ["b", 8],
    ["none", 0],
    ["scalar", 8],
  ]);
});

test("finds the bytes that transformers wrote", async () => {
  const { header, data } = await readSafetensorsFile(join(fixture("micro-gpt2"), file));
  const records = await readSafetensors(fixture("micro-gpt2"), file);
  const [first] = records.toSorted((x, y) => x.offset - y.offset);
  expect(records).toHaveLength(Object.keys(header).filter((name) => name !== "__metadata__").length);
  expect(records.reduce((sum, { byteLength }) => sum + byteLength, 0)).toBe(data.length);
  expect(first?.offset).toBe(data.byteOffset);
});

const lengthOnly = (length: bigint): Buffer => {
  const bytes = Buffer.alloc(64);
  bytes.writeBigUInt64LE(length);
  return bytes;
};

const lies: readonly { name: string; bytes: Uint8Array; message: string }[] = [
  {
    name: "an empty file",
    bytes: Buffer.alloc(0),
    message: "truncated, its 0 bytes do not even hold the header's length",
  },
  {
    name: "a header longer than the file",
    bytes: lengthOnly(57n),
    message: "truncated or not a safetensors file, a header of 57 bytes in a file of 64",
  },
  {
    name: "an absurd header length",
    bytes: lengthOnly(2n ** 64n - 1n),
    message: "not a safetensors file, its header length 18446744073709551615 is above the limit of 100000000 bytes",
  },
  { name: "a header that is not JSON", bytes: safetensors("{'a': 1}"), message: "header: not valid JSON" },
  {
    name: "a header that is an array",
    bytes: safetensors("[]"),
    message: "header: expected a JSON object, found an array",
  },
  {
    name: "a header that is not UTF-8",
    bytes: safetensors(Buffer.from([0x7b, 0xff, 0x7d])),
    message: "header is not valid UTF-8",
  },
  {
    name: "a name that occurs twice",
    bytes: safetensors(`{"a":${JSON.stringify(a)},"\\u0061":${JSON.stringify(a)}}`, data.subarray(8)),
    message: "header has 'a' twice",
  },
  {
    name: "metadata that is no object",
    bytes: safetensors({ __metadata__: 1 }),
    message: "__metadata__ must be an object, got 1",
  },
  {
    name: "an entry that is no object",
    bytes: safetensors({ a: null }),
    message: "tensor 'a': entry must be an object, got null",
  },
  {
    name: "an unknown dtype",
    bytes: safetensors({ a: { ...a, dtype: "F33" }, b }, data),
    message: "tensor 'a': unknown dtype 'F33' (known: BOOL, U8,",
  },
  {
    name: "a fractional size",
    bytes: safetensors({ a: { ...a, shape: [0.5, 4] }, b }, data),
    message: "tensor 'a': shape must be an array of whole numbers >= 0, got [ 0.5, 4 ]",
  },
  {
    name: "a negative size",
    bytes: safetensors({ a: { ...a, shape: [-1, -2] }, b }, data),
    message: "tensor 'a': shape must be an array of whole numbers >= 0, got [ -1, -2 ]",
  },
  {
    name: "a shape whose product overflows",
    bytes: safetensors({ a: { ...a, shape: [2 ** 52, 2 ** 52] }, b }, data),
    message: "data_offsets give 8",
  },
  {
    name: "offsets that are fractions",
    bytes: safetensors({ a: { ...a, data_offsets: [0, 8.5] }, b }, data),
    message: "tensor 'a': data_offsets must be two whole numbers, 0 <= begin <= end, got [ 0, 8.5 ]",
  },
  {
    name: "offsets that are negative",
    bytes: safetensors({ a: { ...a, data_offsets: [-8, 0] }, b }, data),
    message: "got [ -8, 0 ]",
  },
  {
    name: "offsets that are turned round",
    bytes: safetensors({ a: { ...a, data_offsets: [8, 0] }, b }, data),
    message: "got [ 8, 0 ]",
  },
  {
    name: "a shape of another size than the bytes",
    bytes: safetensors({ a: { ...a, shape: [3] }, b }, data),
    message: "tensor 'a': shape [ 3 ] of F32 takes 12 bytes, data_offsets give 8",
  },
  {
    name: "tensors that overlap",
    bytes: safetensors({ a, b: { ...b, data_offsets: [4, 12] } }, data),
    message: "tensors 'a' and 'b' overlap",
  },
  {
    name: "bytes between tensors",
    bytes: safetensors({ a: { ...a, shape: [1], data_offsets: [0, 4] }, b }, data),
    message: `the 4 bytes at [${start + 4}, ${start + 8}) belong to no tensor`,
  },
  {
    name: "a truncated file",
    bytes: safetensors({ a, b }, data.subarray(1)),
    message: `tensor 'b' ends at byte ${start + 16} but the file has ${start + 15}: truncated, or the header lies`,
  },
  {
    name: "an overlong file",
    bytes: safetensors({ a, b }, Buffer.alloc(17)),
    message: `the 1 bytes at [${start + 16}, ${start + 17}) belong to no tensor`,
  },
  {
    name: "an offset far beyond the file",
    bytes: safetensors({ a, b: { ...b, data_offsets: [2 ** 50, 2 ** 50 + 8] } }, data),
    message: "tensor 'b' ends at byte 1125899906842",
  },
];

test.each(lies)("refuses $name", async ({ bytes, message }) => {
  const error = String(await read(bytes).catch((caught: unknown) => caught));
  expect(error).toMatch(/^CheckpointError: model\.safetensors: /);
  expect(error).toContain(message);
});
