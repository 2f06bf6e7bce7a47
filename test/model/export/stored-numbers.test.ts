import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { storedNumbers } from "../../../src/model/export/stored-numbers.js";
import { temporaryFolder } from "../../support/checkpoints.js";

const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

/** Numbers 0, 1, 2, ... as a tensor behind some bytes of a file. */
async function stored(shape: readonly number[], isTransposed: boolean) {
  const folder = await temporaryFolder();
  const values = Float32Array.from(upTo(shape.reduce((product, size) => product * size, 1)));
  await writeFile(join(folder, "file"), Buffer.concat([Buffer.alloc(5), new Uint8Array(values.buffer)]));
  const place = { name: "w", file: "file", offset: 5, byteLength: values.byteLength };
  return {
    folder,
    record: { ...place, elementType: "float32", shape, ...(isTransposed && { isTransposed }) } as const,
  };
}

async function pieces(numbers: AsyncIterable<Float32Array>): Promise<number[][]> {
  const found = [];
  for await (const piece of numbers) found.push([...piece]);
  return found;
}

test("gives a tensor in its order, in pieces of at most so many numbers", async () => {
  const { folder, record } = await stored([600], false);
  const all = upTo(600);
  expect(await pieces(storedNumbers(folder, record, 256))).toEqual([
    all.slice(0, 256),
    all.slice(256, 512),
    all.slice(512),
  ]);
});

test("gives a transposed matrix row by row of the other, in pieces of whole rows", async () => {
  const { folder, record } = await stored([100, 6], true);
  const row = (index: number): number[] => upTo(100).map((column) => column * 6 + index);
  expect(await pieces(storedNumbers(folder, record, 256))).toEqual([
    [...row(0), ...row(1)],
    [...row(2), ...row(3)],
    [...row(4), ...row(5)],
  ]);
});

test("says which file ended before its tensor", async () => {
  const { folder, record } = await stored([600], false);
  await writeFile(join(folder, "file"), Buffer.alloc(1000));
  await expect(pieces(storedNumbers(folder, record))).rejects.toThrow("file: changed while it was read");
});

test("says which file is gone", async () => {
  const { folder, record } = await stored([600], false);
  await expect(pieces(storedNumbers(folder, { ...record, file: "gone" }))).rejects.toThrow(
    "gone: cannot be read (ENOENT)",
  );
});
