import { open, readFile, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { fetchModel } from "../../../../src/model/source/fetch-model.js";
import { isInOtherRoot, OtherRoot } from "../../../../src/model/source/stores/other-root.js";
import { copyCheckpoint, temporaryFolder } from "../../../support/checkpoints.js";

const { signal } = new AbortController();

test.runIf(process.platform === "linux")(
  "a folder that only a link of /proc leads to is told from one that has a path",
  async () => {
    const folder = await temporaryFolder();
    const handle = await open(folder);
    onTestFinished(() => handle.close());
    const link = join(await temporaryFolder(), "link");
    await symlink(`/proc/self/fd/${handle.fd}`, link);
    expect([await isInOtherRoot(folder), await isInOtherRoot(link)]).toEqual([false, false]);
    await rm(folder, { recursive: true }); // what is open still exists, but no path leads there
    expect([await isInOtherRoot(folder), await isInOtherRoot(link)]).toEqual([false, true]);
  },
);

test("its model is fetched whole, and a second start reads nothing of it", async () => {
  const [folder, cacheFolder] = [await copyCheckpoint(), await temporaryFolder()];
  const fetch = async () => {
    const model = await fetchModel(new OtherRoot(folder), { cacheFolder, signal });
    onTestFinished(() => model.release());
    await model.committed;
    return model;
  };
  const first = await fetch();
  for (const file of ["config.json", "tokenizer.json", "model.safetensors"]) {
    expect(await readFile(join(first.folder, file)), file).toEqual(await readFile(join(folder, file)));
  }
  expect(await fetch()).toMatchObject({ folder: first.folder, digest: first.digest });
});

test("a file that was replaced since it was listed is noticed", async () => {
  const folder = await temporaryFolder();
  const file = join(folder, "config.json");
  await writeFile(file, "{}");
  const store = new OtherRoot(folder);
  const [listed] = await store.list();
  expect(listed).toMatchObject({ path: "config.json", byteLength: 2 });
  await utimes(file, 1_000_000_000, 1_000_000_000);
  const reading = store.read(listed ?? { path: "", byteLength: 0, version: undefined }, 0, 2, signal).next();
  await expect(reading).rejects.toThrow("config.json was changed during the download");
});

test("a folder that is gone is an error with its name", async () => {
  const folder = join(await temporaryFolder(), "gone");
  await expect(new OtherRoot(folder).list()).rejects.toThrow(`${folder} cannot be read (ENOENT)`);
});
