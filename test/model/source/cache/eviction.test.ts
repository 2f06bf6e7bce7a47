import { mkdir, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { CacheFolder } from "../../../../src/model/source/cache/cache-folder.js";
import { listCache, pruneCache } from "../../../../src/model/source/cache/eviction.js";
import { Lock } from "../../../../src/model/source/cache/lock.js";
import { mebibyte, randomBytes, startFetching, type Fetching } from "../fetching.js";
import { ServedFolder } from "../store-server.js";

/** Fetches a model under each name, 1 MiB of weights each; the first is the one that was used least recently. */
async function fillCache({ address, cacheFolder, fetch }: Fetching, names: readonly string[]) {
  const models = [];
  for (const [index, name] of names.entries()) {
    const model = await fetch({}, new ServedFolder(address, `test://models/${name}/`));
    const used = new Date(Date.now() - 1_000_000 + index * 1000);
    await utimes(join(model.folder, "../../used"), used, used);
    models.push(model);
  }
  return { models, cache: new CacheFolder(cacheFolder) };
}

async function namesIn(cache: CacheFolder): Promise<string[]> {
  return (await listCache(cache)).map(({ uri }) => uri.slice("test://models/".length, -1));
}

const startSmall = () => startFetching(randomBytes(mebibyte));

test("lists what was used last first, with what it takes and whether it is in use", async () => {
  const { models, cache } = await fillCache(await startSmall(), ["a", "b"]);
  await models[0]?.release();
  const entries = await listCache(cache);
  expect(entries).toMatchObject([
    { uri: "test://models/b/", isComplete: true, isUsed: true, digest: models[1]?.digest },
    { uri: "test://models/a/", isComplete: true, isUsed: false },
  ]);
  expect(entries.every(({ bytes }) => bytes >= mebibyte && bytes < 1.2 * mebibyte)).toBe(true);
});

test("removes what was not used for the longest time, and only as much as is needed", async () => {
  const { models, cache } = await fillCache(await startSmall(), ["a", "b", "c"]);
  await Promise.all(models.map((model) => model.release()));
  const { removed, bytes } = await pruneCache(cache, 2.5 * mebibyte);
  expect([removed.map(({ uri }) => uri), await namesIn(cache)]).toEqual([["test://models/a/"], ["c", "b"]]);
  expect(bytes).toBeLessThanOrEqual(2.5 * mebibyte);
});

test("never removes what a living process uses, but what a dead one used", async () => {
  const { models, cache } = await fillCache(await startSmall(), ["used", "left"]);
  await models[1]?.release();
  const users = join(models[1]?.folder ?? "", "../../users");
  await writeFile(join(users, "dead"), JSON.stringify({ realm: "another machine", pid: 1, startTime: "1" }));
  await utimes(join(users, "dead"), 1, 1);
  await pruneCache(cache, 0);
  expect(await namesIn(cache)).toEqual(["used"]);
});

test("never removes what is being downloaded", async () => {
  const { models, cache } = await fillCache(await startSmall(), ["a"]);
  await models[0]?.release();
  const [entry] = await cache.entries();
  const lock = await Lock.tryAcquire(cache.lockOptions(entry ?? cache.entry("none")));
  expect((await pruneCache(cache, 0)).removed).toEqual([]);
  await lock?.release();
  expect((await pruneCache(cache, 0)).removed).toHaveLength(1);
});

test("makes room for a new model within the bound before it is fetched", async () => {
  const fetching = await startSmall();
  const { models, cache } = await fillCache(fetching, ["a", "b"]);
  await Promise.all(models.map((model) => model.release()));
  await fetching.fetch({ maxCacheBytes: 2.5 * mebibyte }, new ServedFolder(fetching.address, "test://models/c/"));
  expect(await namesIn(cache)).toEqual(["c", "b"]);
});

test("lets the bound give way, with a warning, when all is in use", async () => {
  const fetching = await startSmall();
  const { cache } = await fillCache(fetching, ["a", "b"]);
  await fetching.fetch({ maxCacheBytes: 2.5 * mebibyte }, new ServedFolder(fetching.address, "test://models/c/"));
  expect(await namesIn(cache)).toEqual(["c", "b", "a"]);
  expect(fetching.warnings).toEqual([expect.stringContaining("above its bound of 2.6 MB")]);
});

test("refuses a model that is larger than the whole cache may be, and removes nothing for it", async () => {
  const fetching = await startSmall();
  const { models, cache } = await fillCache(fetching, ["a"]);
  await models[0]?.release();
  const fetch = fetching.fetch({ maxCacheBytes: 1000 }, new ServedFolder(fetching.address, "test://models/c/"));
  await expect(fetch).rejects.toThrow(/the model has 1.1 MB, and the cache may take 1.0 kB in all/);
  expect(await namesIn(cache)).toEqual(["a"]);
});

test("an entry whose removal was broken off is not taken for a model", async () => {
  const fetching = await startSmall();
  const { cache } = await fillCache(fetching, []);
  await mkdir(join(cache.folder, "entries/0123abcd/model/gpt2"), { recursive: true });
  expect(await listCache(cache)).toMatchObject([{ key: "0123abcd", uri: "", isComplete: false }]);
});
