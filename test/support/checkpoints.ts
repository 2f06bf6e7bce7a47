/** Checkpoints for tests: the fixtures, and copies of them in a temporary folder, whole or broken on purpose. */
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";

/** Path of a file or folder in `test/fixtures`. */
export function fixture(name: string): string {
  return fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url));
}

/** An empty folder that is removed when the test ends. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "ortler-test-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** A copy of a fixture folder that the test may change. */
export async function copyCheckpoint(name = "micro-gpt2"): Promise<string> {
  const folder = await temporaryFolder();
  await cp(fixture(name), folder, { recursive: true });
  return folder;
}

/** JSON of a file that the test knows. */
export async function readJson<T>(path: string): Promise<T> {
  return JSON.parse(await readFile(path, "utf8")) as T;
}

export async function writeJson(folder: string, file: string, value: unknown): Promise<void> {
  await writeFile(join(folder, file), JSON.stringify(value));
}

/** Overwrites fields of a JSON file's object; undefined removes one. */
export async function setFields(folder: string, file: string, fields: Record<string, unknown>): Promise<void> {
  await writeJson(folder, file, { ...(await readJson<object>(join(folder, file))), ...fields });
}

export interface SafetensorsEntry {
  dtype: string;
  shape: number[];
  data_offsets: number[];
}
export type SafetensorsHeader = Record<string, SafetensorsEntry>;

/** Bytes of a safetensors file; a header given as text or bytes is written as it is. */
export function safetensors(header: object | string | Uint8Array, data: Uint8Array = Buffer.alloc(0)): Buffer {
  const text = typeof header === "string" || header instanceof Uint8Array ? header : JSON.stringify(header);
  const bytes = Buffer.from(text);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(bytes.length));
  return Buffer.concat([length, bytes, data]);
}

export async function readSafetensorsFile(path: string): Promise<{ header: SafetensorsHeader; data: Buffer }> {
  const bytes = await readFile(path);
  const dataStart = 8 + Number(bytes.readBigUInt64LE());
  const header = JSON.parse(bytes.toString("utf8", 8, dataStart)) as SafetensorsHeader;
  return { header, data: bytes.subarray(dataStart) };
}

/** Changes the header of a safetensors file and leaves its tensors' bytes alone. */
export async function editHeader(
  folder: string,
  edit: (header: SafetensorsHeader) => void,
  file = "model.safetensors",
): Promise<void> {
  const { header, data } = await readSafetensorsFile(join(folder, file));
  edit(header);
  await writeFile(join(folder, file), safetensors(header, data));
}

/** The entry of a tensor that the test knows to be there. */
export function entryOf(header: SafetensorsHeader, name: string): SafetensorsEntry {
  const entry = header[name];
  if (entry === undefined) throw new Error(`the fixture has no tensor ${name}`);
  return entry;
}
