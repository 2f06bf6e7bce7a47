import { mkdir, readdir, readFile, statfs, symlink, truncate, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { describeWriteError } from "../../../src/model/export/output-folder.js";
import { copyCheckpoint, fixture, setFields, temporaryFolder, writeJson } from "../../support/checkpoints.js";
import { safetensors } from "../../support/checkpoints.js";
import { smallGpt2, writeGpt2 } from "../../support/small-gpt2.js";
import { convert, readTensors } from "./exporting.js";

const source = fixture("micro-gpt2");

/** A folder with a model in another format, whose files would be read in the place of new ones, and a file of its own. */
async function occupied(): Promise<string> {
  const folder = await copyCheckpoint("micro-gpt2-sharded");
  await writeJson(folder, "added_tokens.json", { "<old>": 600 });
  await writeFile(join(folder, "README.md"), "mine");
  return folder;
}

test("a folder that is not empty is refused, and stays as it is", async () => {
  const destination = await occupied();
  const before = await readdir(destination);
  await expect(convert({ source, destination })).rejects.toThrow(
    `${destination} is not empty (README.md, added_tokens.json, config.json and `,
  );
  expect(await readdir(destination)).toEqual(before);
});

test("folders above it are made, too", async () => {
  const destination = join(await temporaryFolder(), "models", "small");
  expect((await convert({ source, destination })).folder).toBe(destination);
});

test("a volume's own folder does not make it less empty", async () => {
  const destination = await temporaryFolder();
  await mkdir(join(destination, "lost+found"));
  expect((await convert({ source, destination })).files).toContain("model.safetensors");
});

test("told to overwrite, it replaces the model and leaves nothing that would be read in its place", async () => {
  const destination = await occupied();
  await convert({ source, destination, isOverwriting: true });
  const present = await readdir(destination);
  expect(present).not.toContain("model.safetensors.index.json");
  expect(present).not.toContain("added_tokens.json");
  expect(await readFile(join(destination, "README.md"), "utf8")).toBe("mine");
  expect(await readTensors(destination)).toEqual(await readTensors(source));
});

test("the folder that is read is never written, by whatever name", async () => {
  const folder = await copyCheckpoint();
  const destination = join(await temporaryFolder(), "link");
  await symlink(folder, destination);
  await expect(convert({ source: folder, destination, isOverwriting: true })).rejects.toThrow(
    `${destination} is where the model is: convert it to another folder`,
  );
  expect(await readTensors(folder)).toEqual(await readTensors(source));
});

test("a conversion that fails leaves the model of before, and of a new folder nothing", async () => {
  const broken = await temporaryFolder();
  const model = smallGpt2();
  model.tensors.get("ln_f.bias")?.values.fill(70_000);
  await writeGpt2(broken, model);
  const why = `model.safetensors: tensor 'transformer.ln_f.bias' has the number 70000, which float16 cannot hold: convert to a wider type`;
  const destination = await occupied();
  const before = await readdir(destination);
  await expect(convert({ source: broken, destination, dtype: "float16", isOverwriting: true })).rejects.toThrow(why);
  expect(await readdir(destination)).toEqual(before);

  const made = join(await temporaryFolder(), "made");
  await expect(convert({ source: broken, destination: made, dtype: "float16" })).rejects.toThrow(why);
  expect(await readdir(dirname(made))).toEqual([]);
});

test("an interrupted conversion leaves nothing", async () => {
  const destination = join(await temporaryFolder(), "made");
  await expect(convert({ source, destination, signal: AbortSignal.abort() })).rejects.toThrow("aborted");
  expect(await readdir(dirname(destination))).toEqual([]);
});

test("weights that the disk has no room for are refused before anything is written", async () => {
  const [huge, destination] = [await copyCheckpoint(), await temporaryFolder()];
  const { bavail, bsize } = await statfs(destination);
  const ids = Math.ceil((bavail * bsize) / 256) * 4; // of 64 float16 numbers each: twice what is free
  await setFields(huge, "config.json", { vocab_size: ids });
  const file = join(huge, "model.safetensors");
  const header = Object.fromEntries(
    Array.from(await readTensors(source), ([name, { shape }]) => [name, name.includes("wte") ? [ids, 64] : [...shape]]),
  );
  let end = 0;
  const entries = Object.entries(header).map(([name, shape]) => {
    const start = end;
    end += shape.reduce((product, size) => product * size, 2);
    return [name, { dtype: "F16", shape, data_offsets: [start, end] }];
  });
  const head = safetensors(Object.fromEntries(entries) as object);
  await writeFile(file, head);
  await truncate(file, head.length + end); // a file of nothing takes no room
  await expect(convert({ source: huge, destination })).rejects.toThrow(
    /: the model needs .* and the disk has .* for it; nothing was written$/,
  );
  expect(await readdir(destination)).toEqual([]);
});

const failures: [code: string, message: string][] = [
  ["ENOSPC", "/models/new cannot take the model: the disk is full (ENOSPC)"],
  ["EDQUOT", "/models/new cannot take the model: the disk is full (EDQUOT)"],
  ["EFBIG", "/models/new cannot take the model: its file would be larger than a file may be (EFBIG)"],
  ["EROFS", "/models/new cannot be written (EROFS)"],
  ["ENOENT", "/models/new cannot be written (ENOENT)"],
  ["EACCES", "/models/new cannot be written (EACCES)"],
  ["ENOTDIR", "/models/new is a file, or lies below one: name a folder (ENOTDIR)"],
];
test.each(failures)("%s while writing is said as: %s", (code, message) => {
  const error = describeWriteError(Object.assign(new Error(code), { code }), "/models/new");
  expect(error).toMatchObject({ kind: "invalid-input", message });
});
