import { open, readdir, readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Progress } from "../../../src/telemetry/progress/index.js";
import { describeS3Error } from "../../../src/model/source/stores/s3-errors.js";
import { readS3Settings } from "../../../src/model/source/stores/s3-settings.js";
import { expectWhole, mebibyte, putModel, randomBytes, startFetching } from "./fetching.js";
import { ServedFolder } from "./store-server.js";

const named = (name: string, text: string | RegExp) =>
  expect.objectContaining({ name, message: expect.stringMatching(text) as string }) as Error;

/** A folder on a host whose name cannot be found. */
class LostHost extends ServedFolder {
  asked = 0;

  override list(): Promise<never> {
    this.asked += 1;
    const cause = Object.assign(new Error("getaddrinfo"), { code: "ENOTFOUND" });
    const request = { bucket: "models", key: undefined };
    return Promise.reject(describeS3Error(cause, readS3Settings({}), request));
  }
}

test("fetches what a server needs, small files first, and nothing else", async () => {
  const { store, fetch } = await startFetching();
  const model = await fetch({ concurrency: 1 });
  await expectWhole(model, store);
  expect(store.asked()).toEqual([
    "config.json[0,22)",
    "tokenizer.json[0,2000)",
    `model.safetensors[0,${mebibyte})`,
    `model.safetensors[${mebibyte},${2 * mebibyte})`,
    `model.safetensors[${2 * mebibyte},${3 * mebibyte})`,
    `model.safetensors[${3 * mebibyte},${3 * mebibyte + 5})`,
  ]);
  expect(basename(model.folder)).toBe("gpt2");
});

test("a second start lists once and downloads nothing", async () => {
  const { store, fetch } = await startFetching();
  const first = await fetch();
  const sent = store.bytesSent;
  const second = await fetch();
  expect([store.listings, store.bytesSent]).toEqual([2, sent]);
  expect(second).toMatchObject({ folder: first.folder, digest: first.digest });
});

test("the digest is of the contents: the same from another URI, another with one byte changed", async () => {
  const weights = randomBytes(mebibyte + 1);
  const { store, address, fetch } = await startFetching(weights);
  const first = await fetch();
  const elsewhere = await fetch({}, new ServedFolder(address, "test://other/copy/"));
  store.put(
    "model.safetensors",
    Buffer.concat([weights.subarray(0, -1), Buffer.of(~(weights[mebibyte] ?? 0) & 0xff)]),
    "v2",
  );
  const changed = await fetch();
  expect([elsewhere.digest === first.digest, changed.digest === first.digest]).toEqual([true, false]);
});

test("tells of the small files while the weights are still coming", async () => {
  const { store, fetch } = await startFetching();
  let config = "";
  let weightsSent = Infinity;
  await fetch({
    concurrency: 1,
    onSmallFiles: async (folder) => {
      weightsSent = store.requests.filter(({ path }) => path === "model.safetensors").length;
      config = await readFile(join(folder, "config.json"), "utf8");
    },
  });
  expect(config).toBe('{"model_type": "gpt2"}');
  expect(weightsSent).toBeLessThanOrEqual(1);
});

test("ends the download when what was made of the small files fails", async () => {
  const { store, fetch } = await startFetching();
  store.fault = ({ path }) => (path === "model.safetensors" ? { kind: "stall", afterBytes: 1 } : undefined);
  const failing = fetch({ onSmallFiles: () => Promise.reject(new RangeError("not a tokenizer")) });
  await expect(failing).rejects.toEqual(named("RangeError", "not a tokenizer"));
});

test("tells how far it is, up to all bytes of the files it needs", async () => {
  const { fetch } = await startFetching();
  const told: Progress[] = [];
  await fetch({ onProgress: (progress) => told.push(progress) });
  const downloading = told.filter(({ phase }) => phase === "downloading");
  const total = 22 + 2000 + 3 * mebibyte + 5;
  expect(downloading.at(0)).toMatchObject({ bytesDone: 0, bytesTotal: total });
  expect(downloading.at(-1)).toMatchObject({ bytesDone: total, bytesTotal: total });
  expect(told.at(-1)?.phase).toBe("complete");
});

test("takes a model without weights for none, and says what was found", async () => {
  const { store, fetch } = await startFetching();
  store.files.delete("model.safetensors");
  const found = /test:\/\/models\/gpt2\/ has no model: there are no weights .* found config.json, .*, optimizer.pt$/;
  await expect(fetch()).rejects.toEqual(named("ConfigurationError", found));
});

test("refuses a store that names a path outside the model's folder, and touches nothing", async () => {
  const { store, cacheFolder, fetch } = await startFetching();
  store.put("../../../../outside/model.safetensors", randomBytes(10), "v1");
  const text = "refused, because the path ../../../../outside/model.safetensors has an empty part, . or .. in it";
  await expect(fetch()).rejects.toEqual(named("ConfigurationError", text));
  expect([store.asked(), await readdir(join(cacheFolder, "entries"))]).toEqual([[], []]);
});

test("is ended by its signal, with the signal's reason", async () => {
  const { store, fetch } = await startFetching();
  const controller = new AbortController();
  store.fault = ({ path }) => (path === "model.safetensors" ? { kind: "stall", afterBytes: 70_000 } : undefined);
  store.onSent = () => controller.abort(new RangeError("enough"));
  await expect(fetch({ signal: controller.signal })).rejects.toThrow("enough");
});

describe("a model that changes", () => {
  test("is begun anew when it changes during the download", async () => {
    const { store, warnings, fetch } = await startFetching();
    store.onSent = () => {
      if (store.bytesSent < 2 * mebibyte) return;
      store.onSent = () => undefined;
      putModel(store, randomBytes(2 * mebibyte), "v2");
    };
    await expectWhole(await fetch(), store);
    expect(store.listings).toBe(2);
    expect(warnings).toEqual([expect.stringContaining("was changed during the download")]);
  });

  test("is given up when it never stays the same", async () => {
    const { store, fetch } = await startFetching();
    store.fault = ({ path }) => (path === "model.safetensors" ? { kind: "status", status: 412 } : undefined);
    await expect(fetch()).rejects.toEqual(named("UnavailableError", "begun 4 times: model.safetensors was changed"));
  });

  test("leaves nothing of a broken download of another version behind", async () => {
    const { store, cacheFolder, fetch } = await startFetching();
    store.fault = ({ start }) => (start > 0 ? { kind: "status", status: 403 } : undefined);
    await expect(fetch()).rejects.toThrow("403");
    store.fault = () => undefined;
    putModel(store, randomBytes(mebibyte), "v2");
    await expectWhole(await fetch(), store);
    expect(await readdir(join(cacheFolder, "entries"))).toHaveLength(1);
  });

  test("is fetched at every start when the store does not tell versions", async () => {
    const { store, warnings, fetch } = await startFetching(randomBytes(1000));
    store.files.set("model.safetensors", { bytes: randomBytes(1000), version: undefined });
    await fetch();
    store.files.set("model.safetensors", { bytes: randomBytes(1000), version: undefined });
    await expectWhole(await fetch(), store);
    expect(warnings).toEqual(Array(2).fill(expect.stringContaining("does not tell versions")));
  });

  test("does not fill the cache when the store does not tell versions: the new copy takes the place of the old one", async () => {
    const { store, cacheFolder, fetch } = await startFetching(randomBytes(1000));
    store.files.set("model.safetensors", { bytes: randomBytes(1000), version: undefined });
    const used = await fetch();
    const unused = await fetch();
    await unused.release();
    await expectWhole(await fetch(), store);
    await expectWhole(used, store); // a living process has it
    expect(await readdir(join(cacheFolder, "entries"))).toHaveLength(2);
  });

  test("stays in the cache when its successor cannot be fetched", async () => {
    const { store, warnings, fetch } = await startFetching(randomBytes(1000));
    store.files.set("model.safetensors", { bytes: randomBytes(1000), version: undefined });
    await (await fetch()).release();
    store.fault = () => ({ kind: "status", status: 503 });
    await expect(fetch()).rejects.toThrow("status 503; tried again and again");
    store.close();
    await expectWhole(await fetch(), store);
    expect(warnings.at(-1)).toContain("using the copy in the cache");
  });
});

describe("a store that is not there", () => {
  test("is done without when the cache has a copy, with a warning", async () => {
    const { store, cacheFolder, warnings, fetch } = await startFetching();
    await fetch();
    store.close();
    await expectWhole(await fetch({ cacheFolder }), store);
    expect(warnings).toEqual([
      expect.stringMatching(/using the copy in the cache, which may not be the latest: .*ECONN/),
    ]);
  });

  test("may be one whose name the DNS has lost: asked for once, then the copy is taken", async () => {
    const { store, address, warnings, fetch } = await startFetching();
    await fetch();
    const lost = new LostHost(address);
    await expectWhole(await fetch({}, lost), store);
    expect([lost.asked, ...warnings]).toEqual([
      1,
      expect.stringMatching(/using the copy in .* is no host that the DNS/),
    ]);
  });

  test("and whose name the DNS does not know is told at once when there is no copy", async () => {
    const { address, fetch } = await startFetching();
    const lost = new LostHost(address);
    await expect(fetch({}, lost)).rejects.toEqual(named("ConfigurationError", /is no host that the DNS knows$/));
    expect(lost.asked).toBe(1);
  });

  test("is an error when there is no copy", async () => {
    const { store, fetch } = await startFetching();
    store.close();
    await expect(fetch()).rejects.toEqual(named("UnavailableError", /ECONNREFUSED.*; tried again and again/));
  });

  test("is no excuse: who is told that the model is gone does not serve the copy", async () => {
    const { store, fetch } = await startFetching();
    await fetch();
    store.files.clear();
    await expect(fetch()).rejects.toEqual(named("ConfigurationError", "has no files: is the name right"));
  });
});

describe("a disk", () => {
  test("that is full ends the download with a word on what to do; the next start goes on", async () => {
    const { store, fetch } = await startFetching();
    const openFile = (path: string) => open(path.endsWith(".safetensors") ? "/dev/full" : path, "w+");
    const failing = fetch({ internals: { openFile } });
    await expect(failing).rejects.toEqual(named("ConfigurationError", /the disk is full \(ENOSPC\); .* is kept/));
    await expectWhole(await fetch(), store);
  });

  test("that has too little room is not written to, and both figures are told", async () => {
    const { store, fetch } = await startFetching();
    const list = () =>
      Promise.resolve(
        [...store.files].map(([path, { bytes, version }]) => ({
          path,
          version,
          byteLength: path === "model.safetensors" ? 2 ** 52 : bytes.length,
        })),
      );
    const remote = Object.assign(new ServedFolder("http://127.0.0.1:1"), { list });
    const text = /the model needs 4503 TB more, and the disk has [\d.]+ .?B for it .*nothing was downloaded/;
    await expect(fetch({}, remote)).rejects.toEqual(named("ConfigurationError", text));
    expect(store.asked()).toEqual([]);
  });
});

test("a cache that cannot be written is named", async () => {
  const { fetch } = await startFetching();
  await expect(fetch({ cacheFolder: "/dev/null/models" })).rejects.toEqual(
    named("ConfigurationError", "model cache /dev/null/models cannot be written \\(ENOTDIR\\)"),
  );
});
