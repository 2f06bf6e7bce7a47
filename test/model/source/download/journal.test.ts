import { appendFile, open, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { BlockFile } from "../../../../src/model/source/download/block-file.js";
import { Journal } from "../../../../src/model/source/download/journal.js";
import { temporaryFolder } from "../../../support/checkpoints.js";
import { mebibyte, randomBytes } from "../fetching.js";

const header = { uri: "test://models/gpt2/", files: ["v1"] };
const signal = new AbortController().signal;

async function openJournal(path: string, of: object = header): Promise<Journal> {
  const journal = await Journal.open(path, of, () => undefined);
  onTestFinished(() => journal.close().catch(() => undefined)); // most tests have closed it
  return journal;
}

async function openFile(path: string, byteLength: number): Promise<BlockFile> {
  const handle = await open(path, "a+").then(async (made) => (await made.close(), open(path, "r+")));
  await handle.truncate(byteLength);
  onTestFinished(() => handle.close());
  return new BlockFile({ path: "model.safetensors", byteLength, version: "v1" }, handle);
}

/** A file of 3 blocks, the first two written and recorded. */
async function recordTwoBlocks() {
  const folder = await temporaryFolder();
  const [path, data] = [join(folder, "journal"), join(folder, "data")];
  const file = await openFile(data, 2 * mebibyte + 10);
  const journal = await openJournal(path);
  for (const block of [1, 0]) {
    file.claim(block);
    await file.write(block, randomBytes(mebibyte));
    journal.add(0, file, { start: block, end: block + 1 });
  }
  await journal.settle();
  await journal.close();
  return { path, data, file };
}

const recorded = ({ blocks }: Journal) => [...blocks].map(([file, digests]) => [file, [...digests.keys()].sort()]);

test("knows after a new start which blocks are there", async () => {
  const { path, data, file } = await recordTwoBlocks();
  const journal = await openJournal(path);
  const again = await openFile(data, file.file.byteLength);
  await again.adopt(journal.blocks.get(0) ?? new Map<number, never>(), () => undefined, signal);
  expect(again.missingRanges(16)).toEqual([{ start: 2, end: 3 }]);
  expect(again.digestsOf({ start: 0, end: 2 })).toEqual(file.digestsOf({ start: 0, end: 2 }));
});

test("of another version is dropped", async () => {
  const { path } = await recordTwoBlocks();
  expect(recorded(await openJournal(path, { ...header, files: ["v2"] }))).toEqual([]);
  expect(await readFile(path, "utf8")).toBe('{"uri":"test://models/gpt2/","files":["v2"]}\n');
});

const tails = [
  '{"file":0,"block":2,"dig',
  '{"file":0,"block":2,"digests":"AAAA"}\n',
  "\0\0\0\n",
  '{"file":0}\n',
  "[]\n",
];
test.each(tails)("ends before a record that is not whole, %j, and goes on from there", async (tail) => {
  const { path } = await recordTwoBlocks();
  const whole = await readFile(path, "utf8");
  await appendFile(path, tail);
  expect(recorded(await openJournal(path))).toEqual([[0, [0, 1]]]);
  expect(await readFile(path, "utf8")).toBe(whole);
});

test("is not believed about blocks that the disk does not have so, or that the file cannot have", async () => {
  const { path, data, file } = await recordTwoBlocks();
  const handle = await open(data, "r+");
  await handle.write(Buffer.from("damaged"), 0, 7, 5);
  await handle.close();
  await appendFile(path, `${JSON.stringify({ file: 0, block: 77, digests: Buffer.alloc(32).toString("base64") })}\n`);
  const journal = await openJournal(path);
  const again = await openFile(data, file.file.byteLength);
  await again.adopt(journal.blocks.get(0) ?? new Map<number, never>(), () => undefined, signal);
  expect(again.missingRanges(16)).toEqual([
    { start: 0, end: 1 },
    { start: 2, end: 3 },
  ]);
});

test("tells of a record that cannot be written, at once and at the end", async () => {
  const folder = await temporaryFolder();
  const file = await openFile(join(folder, "data"), 10);
  await writeFile(join(folder, "journal"), `${JSON.stringify(header)}\n`);
  let told: Error | undefined;
  const journal = await Journal.open(join(folder, "journal"), header, (error) => (told = error));
  const digestsOf = () => {
    throw new Error("EIO");
  };
  const broken = Object.assign(Object.create(file) as BlockFile, { digestsOf });
  journal.add(0, broken, { start: 0, end: 1 });
  await expect(journal.settle()).rejects.toThrow("EIO");
  expect(told?.message).toBe("EIO");
  await journal.close();
});
