/** What servers and the network do to a download, on a real HTTP server that does it. */
import { join } from "node:path";
import { readFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import type { RemoteFile } from "../../../src/model/source/remote-folder.js";
import { expectWhole, fast, mebibyte, randomBytes, startFetching } from "./fetching.js";
import { ServedFolder, type Fault } from "./store-server.js";

const firstTime: [name: string, fault: Fault][] = [
  ["a failing server", { kind: "status", status: 503 }],
  ["a connection that is reset at once", { kind: "reset", afterBytes: 0 }],
  ["a connection that is reset in the middle", { kind: "reset", afterBytes: 700_000 }],
  ["an answer that ends early", { kind: "truncate", afterBytes: 700_000 }],
  ["an empty answer", { kind: "truncate", afterBytes: 0 }],
  ["a lying server that sends more than was asked for", { kind: "overlong" }],
];

test.each(firstTime)("%s, at every range once, costs a second request and nothing else", async (_, fault) => {
  const { store, fetch } = await startFetching();
  store.fault = ({ earlier }) => (earlier === 0 ? fault : undefined);
  await expectWhole(await fetch(), store);
});

const brokenTexts: [name: string, fault: Fault][] = [
  ["fails", { kind: "status", status: 503 }],
  ["ends early", { kind: "truncate", afterBytes: 20 }],
  ["is longer than listed", { kind: "overlong" }],
];
test.each(brokenTexts)("an index that %s is asked for again before the shards are chosen", async (_, fault) => {
  const { store, fetch } = await startFetching();
  const shards = ["model-1.safetensors", "model-2.safetensors"];
  const index = { weight_map: Object.fromEntries(shards.map((shard) => [`${shard}.weight`, shard])) };
  store.files.delete("model.safetensors");
  store.put("model.safetensors.index.json", Buffer.from(JSON.stringify(index)), "v1");
  for (const shard of shards) store.put(shard, randomBytes(1000), "v1");
  store.fault = ({ path, earlier }) => (path.endsWith("index.json") && earlier === 0 ? fault : undefined);
  const { folder } = await fetch();
  for (const path of [...shards, "model.safetensors.index.json"]) {
    expect(await readFile(join(folder, path))).toEqual(store.files.get(path)?.bytes);
  }
});

test("of a part that broke off, what is there already is not asked for again", async () => {
  const { store, fetch } = await startFetching();
  store.fault = ({ path, earlier }) =>
    path === "model.safetensors" && earlier === 0 ? { kind: "reset", afterBytes: 1.5 * mebibyte } : undefined;
  await expectWhole(await fetch({ partBytes: 3 * mebibyte, concurrency: 1 }), store);
  const weights = store.requests.filter(({ path }) => path === "model.safetensors");
  // The reset may overtake bytes that were sent before it, but never a block that was written.
  expect(weights[0]).toMatchObject({ start: 0, end: 3 * mebibyte });
  expect(weights.slice(1).every(({ start }) => start % mebibyte === 0)).toBe(true);
});

test("a server that breaks off again and again is endured as long as each try gains something", async () => {
  const { store, fetch } = await startFetching();
  store.fault = ({ path }) =>
    path === "model.safetensors" ? { kind: "truncate", afterBytes: 1.2 * mebibyte } : undefined;
  const retry = { ...fast.retry, attempts: 2 };
  await expectWhole(await fetch({ partBytes: 16 * mebibyte, internals: { retry } }), store);
});

test("a burst of failures over all that is under way is outlived", async () => {
  const { store, fetch } = await startFetching();
  let failures = 6;
  store.fault = () => (failures-- > 0 ? { kind: "status", status: 500, retryAfterMs: 5 } : undefined);
  await expectWhole(await fetch({ concurrency: 3, partBytes: 16 * mebibyte }), store);
  expect(store.requests).toHaveLength(6 + 3);
});

test("a server that fails at every try is given up, naming the file", async () => {
  const { store, fetch } = await startFetching();
  store.fault = ({ path }) => (path === "model.safetensors" ? { kind: "status", status: 503 } : undefined);
  await expect(fetch({ concurrency: 1 })).rejects.toThrow(
    /^test:\/\/models\/gpt2\/model.safetensors: status 503; tried again and again$/,
  );
  expect(store.requests.filter(({ path }) => path === "model.safetensors")).toHaveLength(fast.retry.attempts);
});

test("one file of many that may not be read ends the download at once, and is named", async () => {
  const { store, fetch } = await startFetching();
  store.fault = ({ path }) => (path === "tokenizer.json" ? { kind: "status", status: 403 } : undefined);
  await expect(fetch()).rejects.toThrow(/tokenizer.json: status 403$/);
  expect(store.requests.filter(({ path }) => path === "tokenizer.json")).toHaveLength(1);
});

test("what an earlier start has fetched is checked, and not fetched again", async () => {
  const { store, fetch } = await startFetching();
  store.fault = ({ start }) => (start === 3 * mebibyte ? { kind: "status", status: 403 } : undefined);
  await expect(fetch({ concurrency: 1 })).rejects.toThrow("403");
  store.fault = () => undefined;
  store.requests.length = 0;
  const phases = new Set<string>();
  await expectWhole(await fetch({ onProgress: ({ phase }) => phases.add(phase) }), store);
  expect(store.asked()).toEqual([`model.safetensors[${3 * mebibyte},${3 * mebibyte + 5})`]);
  expect([...phases]).toEqual(["listing", "verifying", "downloading", "complete"]);
});

describe("a request that falls silent", () => {
  test("is raced by a second one, which brings what is missing", async () => {
    const { store, fetch } = await startFetching();
    store.fault = ({ path, start, earlier }) =>
      path === "model.safetensors" && start === 0 && earlier === 0
        ? { kind: "stall", afterBytes: mebibyte + 70_000 }
        : undefined;
    await expectWhole(await fetch({ partBytes: 2 * mebibyte, internals: { stallMs: 300 } }), store);
    expect(store.asked()).toContain(`model.safetensors[${mebibyte},${2 * mebibyte})`);
  });

  test("is not one that is only slow, however long it takes in all", async () => {
    const { store, fetch } = await startFetching(randomBytes(1.25 * mebibyte));
    store.fault = ({ path }) => (path === "model.safetensors" ? { kind: "slow", pauseMs: 30 } : undefined);
    await expectWhole(await fetch({ partBytes: 2 * mebibyte, internals: { stallMs: 500 } }), store);
    expect(store.asked()).toContain(`model.safetensors[0,${1.25 * mebibyte})`);
    expect(store.requests).toHaveLength(3);
  });

  test("is aborted once the second one has won", async () => {
    const { store, address, fetch } = await startFetching();
    store.fault = ({ path, earlier }) =>
      path === "model.safetensors" && earlier === 0 ? { kind: "stall", afterBytes: 0 } : undefined;
    const signals: AbortSignal[] = [];
    const remote = new (class extends ServedFolder {
      override read(file: RemoteFile, start: number, end: number, signal: AbortSignal) {
        signals.push(signal);
        return super.read(file, start, end, signal);
      }
    })(address);
    await expectWhole(await fetch({ internals: { stallMs: 50 } }, remote), store);
    expect(signals.filter(({ aborted }) => !aborted)).toEqual([]);
  });

  test("holds nobody up although the store does not heed its signal", async () => {
    const { store, address, fetch } = await startFetching();
    let silent = 0;
    const remote = new (class extends ServedFolder {
      override async *read(file: RemoteFile, start: number, end: number, signal: AbortSignal) {
        if (file.path === "model.safetensors" && start === 0 && silent++ === 0) await new Promise(() => undefined);
        yield* super.read(file, start, end, signal);
      }
    })(address);
    await expectWhole(await fetch({ internals: { stallMs: 50 } }, remote), store);
    expect(silent).toBeGreaterThanOrEqual(2);
  });

  test("is given up when all its successors are silent, too", async () => {
    const { store, fetch } = await startFetching();
    store.fault = ({ path }) => (path === "config.json" ? { kind: "stall", afterBytes: 3 } : undefined);
    const internals = { stallMs: 10, retry: { ...fast.retry, attempts: 2 } };
    await expect(fetch({ concurrency: 1, internals })).rejects.toThrow(
      /config.json: the server sent nothing for 0.01 s; tried again/,
    );
  });
});
