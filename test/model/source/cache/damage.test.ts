import { open, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { stampOf } from "../../../../src/model/source/cache/manifest.js";
import { expectWhole, mebibyte, startFetching } from "../fetching.js";

describe("a cache that was damaged", () => {
  test("with another length is found, and only what is missing is fetched again", async () => {
    const { store, warnings, fetch } = await startFetching();
    const { folder } = await fetch();
    await writeFile(
      join(folder, "model.safetensors"),
      store.files.get("model.safetensors")?.bytes.subarray(0, mebibyte) ?? "",
    );
    store.requests.length = 0;
    await expectWhole(await fetch({ concurrency: 1, partBytes: 16 * mebibyte }), store);
    expect(store.asked()).toEqual([`model.safetensors[${mebibyte},${3 * mebibyte + 5})`]);
    expect(warnings).toEqual(["test://models/gpt2/: damaged in the cache, to be fetched again: model.safetensors"]);
  });

  test("by a file that is gone is found, and that file is fetched again", async () => {
    const { store, fetch } = await startFetching();
    const { folder } = await fetch();
    await rm(join(folder, "tokenizer.json"));
    store.requests.length = 0;
    await expectWhole(await fetch(), store);
    expect(store.asked()).toEqual(["tokenizer.json[0,2000)"]);
  });

  test("with the same length is found by its time, and only the damaged block is fetched again", async () => {
    const { store, fetch } = await startFetching();
    const { folder } = await fetch();
    await flipByte(join(folder, "model.safetensors"), 2 * mebibyte + 7);
    store.requests.length = 0;
    await expectWhole(await fetch(), store);
    expect(store.asked()).toEqual([`model.safetensors[${2 * mebibyte},${3 * mebibyte})`]);
  });

  test("under the same length and time is found by a thorough check only", async () => {
    const { store, fetch } = await startFetching();
    const { folder } = await fetch();
    const path = join(folder, "config.json");
    const entry = join(folder, "../..");
    await writeFile(path, '{"model_type": "GPT2"}');
    await restamp(join(entry, "manifest.json"), path);
    store.requests.length = 0;
    await fetch();
    expect(store.asked()).toEqual([]);
    await expectWhole(await fetch({ isThorough: true }), store);
    expect(store.asked()).toEqual(["config.json[0,22)"]);
  });

  test("is not suspected because of a new time: it is read once, and nothing is fetched", async () => {
    const { store, fetch } = await startFetching();
    const { folder } = await fetch();
    await utimes(join(folder, "model.safetensors"), 1, 1);
    store.requests.length = 0;
    const phases: string[][] = [];
    for (let start = 0; start < 2; start++) {
      const seen = new Set<string>();
      await fetch({ onProgress: ({ phase }) => seen.add(phase) });
      phases.push([...seen]);
    }
    expect(phases).toEqual([
      ["listing", "verifying", "complete"],
      ["listing", "complete"],
    ]);
    expect(store.asked()).toEqual([]);
  });

  test("with a manifest that is no JSON is completed from its journal", async () => {
    const { store, fetch } = await startFetching();
    const { folder } = await fetch();
    await writeFile(join(folder, "../../manifest.json"), "{");
    store.requests.length = 0;
    await expectWhole(await fetch(), store);
    expect(store.asked()).toEqual([]);
  });
});

async function flipByte(path: string, position: number): Promise<void> {
  const handle = await open(path, "r+");
  const { buffer } = await handle.read(Buffer.alloc(1), 0, 1, position);
  await handle.write(Buffer.of((buffer[0] ?? 0) ^ 1), 0, 1, position);
  await handle.close();
}

/** Makes the manifest say that the file has always looked as it does now. */
async function restamp(manifest: string, path: string): Promise<void> {
  const { stamp } = await stampOf(path);
  const content = JSON.parse(await readFile(manifest, "utf8")) as { files: { path: string; stamp: string }[] };
  const files = content.files.map((file) => (path.endsWith(`/${file.path}`) ? { ...file, stamp } : file));
  await writeFile(manifest, JSON.stringify({ ...content, files }));
}
