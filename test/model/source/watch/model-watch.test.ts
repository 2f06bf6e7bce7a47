import { expect, test } from "vitest";
import { modelDigest } from "../../../../src/model/digest/combine.js";
import { blockBytes, fileDigest, sha256 } from "../../../../src/model/source/download/block-digest.js";
import { never } from "../../../support/remote.js";
import { manifestOf } from "../../../support/upload-manifest.js";
import { filesOf, startWatching, upload } from "./watching.js";

const manifest = "ortler-manifest.json";

/** Of files of one block each. */
async function digestOf(files: ReadonlyMap<string, Buffer>): Promise<string> {
  expect([...files.values()].every(({ length }) => length <= blockBytes)).toBe(true);
  const named = Array.from(files, async ([path, bytes]) => ({ path, digest: fileDigest(await sha256(bytes)) }));
  return modelDigest(await Promise.all(named));
}

test("without a manifest nothing is fetched before its files have stayed the same for two looks", async () => {
  const watching = await startWatching();
  await watching.watch.first(never);
  const [half, whole] = [filesOf("half"), filesOf("the whole of it")];
  upload(watching, half);
  const asked = watching.store.requests.length;
  const askedAt: number[] = [];
  watching.onLook = (looks) => {
    askedAt.push(watching.store.requests.length - asked);
    if (looks === 2) upload(watching, whole);
  };
  expect(await watching.next()).toBe(await digestOf(whole));
  expect(askedAt.slice(0, 3)).toEqual([0, 0, 0]); // the half once, then the whole twice
});

test("with a manifest its change is the sign, and what it does not name is not there", async () => {
  const watching = await startWatching();
  const [first, second] = [filesOf("one"), filesOf("two")];
  upload(watching, first);
  upload(watching, new Map([[manifest, manifestOf(first)]]));
  expect((await watching.watch.first(never)).digest).toBe(await digestOf(first));
  upload(watching, second);
  upload(watching, new Map([["generation_config.json", "left over"]]));
  watching.onLook = (looks) => looks === 6 && upload(watching, new Map([[manifest, manifestOf(second)]]));
  expect(await watching.next()).toBe(await digestOf(second));
  const fetched = watching.store.asked().map((range) => range.replace(/\[.*/, ""));
  expect(fetched).not.toContain("generation_config.json");
  expect(watching.logged).toEqual([]);
});

test("a manifest that comes before its files is waited for, and said once", async () => {
  const watching = await startWatching();
  await watching.watch.first(never);
  const next = filesOf("the next model");
  upload(watching, new Map([[manifest, manifestOf(next)]]));
  watching.onLook = (looks) => looks === 12 && upload(watching, next);
  expect(await watching.next()).toBe(await digestOf(next));
  expect(watching.logged).toEqual([
    `info test://models/gpt2/: a new model is not complete: tokenizer.json has 2000 bytes, and ${manifest} says 2 bytes`,
  ]);
});

test("a file of the right size and other contents is not the manifest's, and read once until it changes", async () => {
  const watching = await startWatching();
  await watching.watch.first(never);
  const [wrong, right] = [filesOf("wrong weights"), filesOf("right weights")];
  upload(watching, wrong);
  upload(watching, new Map([[manifest, manifestOf(right)]]));
  const before = watching.store.requests.length;
  let asked = 0;
  watching.onLook = (looks) => {
    if (looks !== 12) return;
    asked = watching.store
      .asked()
      .slice(before)
      .filter((range) => range.startsWith("model.safetensors")).length;
    upload(watching, right);
  };
  expect(await watching.next()).toBe(await digestOf(right));
  expect(asked).toBe(1);
  expect(watching.logged).toEqual([
    expect.stringMatching(
      /^info .*not complete: model.safetensors has the SHA-256 [0-9a-f]{64}, and .* says [0-9a-f]{64}$/,
    ),
  ]);
});

test("an upload that stands still for too long is given up with its reason, and taken once it changes", async () => {
  const watching = await startWatching(0);
  await watching.watch.first(never);
  const next = filesOf("the next model");
  upload(watching, new Map([[manifest, manifestOf(next)]]));
  expect(await watching.next()).toBe(`it is not complete: tokenizer.json has 2000 bytes, and ${manifest} says 2 bytes`);
  upload(watching, next);
  upload(watching, new Map([[manifest, `${manifestOf(next)} `]]));
  expect(await watching.next()).toBe(await digestOf(next));
});

test.each([
  ["no JSON", "{", /not valid JSON/],
  ["another version", '{"version": 2, "files": []}', /version must be 1/],
  [
    "a path out of the folder",
    '{"version": 1, "files": [{"path": "../config.json", "size": 1, "sha256": "%"}]}',
    /\.\./,
  ],
  [
    "a size that is none",
    '{"version": 1, "files": [{"path": "config.json", "size": -1, "sha256": "%"}]}',
    /the size of/,
  ],
  [
    "a hash that is none",
    '{"version": 1, "files": [{"path": "config.json", "size": 1, "sha256": "0"}]}',
    /the sha256 of/,
  ],
])("a manifest with %s is given up with its fault", async (_, text, fault) => {
  const watching = await startWatching(0);
  await watching.watch.first(never);
  upload(watching, new Map([[manifest, text.replace("%", "0".repeat(64))]]));
  expect(await watching.next()).toMatch(fault);
});

test("an outage is said once, and ended; the model of after it is found", async () => {
  const watching = await startWatching();
  await watching.watch.first(never);
  watching.outage = true;
  const next = filesOf("the next model");
  watching.onLook = (looks) => {
    if (looks !== 20) return;
    upload(watching, next);
    watching.outage = false;
  };
  expect(await watching.next()).toBe(await digestOf(next));
  expect(watching.logged).toEqual([
    "warn test://models/gpt2/ cannot be watched; the model in use goes on: test://models/gpt2/: no answer",
    "info test://models/gpt2/ can be watched again",
  ]);
});

test("a start during an upload takes the copy of before, and the watch then brings the new model", async () => {
  const watching = await startWatching();
  const [first, second] = [filesOf("one"), filesOf("second")];
  upload(watching, first);
  await (
    await watching.watch.first(never)
  ).committed;
  upload(watching, new Map([[manifest, manifestOf(second)]]));
  expect((await watching.watch.first(never)).digest).toBe(await digestOf(first));
  upload(watching, second);
  expect(await watching.next()).toBe(await digestOf(second));
});

test("a start refuses files that are not those of the manifest", async () => {
  const watching = await startWatching();
  const [wrong, right] = [filesOf("wrong weights"), filesOf("right weights")];
  upload(watching, wrong);
  upload(watching, new Map([[manifest, manifestOf(right)]]));
  await expect(watching.watch.first(never)).rejects.toThrow(/not complete: model.safetensors has the SHA-256/);
});

test("ends with what aborts it", async () => {
  const watching = await startWatching();
  await watching.watch.first(never);
  const abort = new AbortController();
  watching.onLook = () => abort.abort(new Error("enough"));
  await expect(watching.watch.next(abort.signal)).rejects.toThrow();
});
