/** Several processes and one cache: at once, and one after the other where the first was killed. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { build } from "esbuild";
import { beforeAll, describe, expect, test } from "vitest";
import { CacheFolder } from "../../../src/model/source/cache/cache-folder.js";
import { listCache } from "../../../src/model/source/cache/eviction.js";
import { temporaryFolder } from "../../support/checkpoints.js";
import { Random } from "../../support/random.js";
import { expectWhole, mebibyte, randomBytes, startFetching } from "./fetching.js";
import type { StoreServer } from "./store-server.js";

let program: string;
beforeAll(async () => {
  program = join("node_modules", ".cache", `fetching-${process.pid}.mjs`);
  await build({
    entryPoints: ["test/model/source/fetching-process.ts"],
    outfile: program,
    bundle: true,
    platform: "node",
    format: "esm",
    external: ["koffi", "onnxruntime-node"],
  });
  return async () => rm(program);
});

interface Fetcher {
  readonly child: ChildProcess;
  /** The model's folder; fails when the process does. */
  readonly folder: Promise<string>;
}

function startFetcher(address: string, cacheFolder: string): Fetcher {
  const child = spawn(process.execPath, [program, address, cacheFolder], { stdio: ["ignore", "pipe", "pipe"] });
  const finish = async (): Promise<string> => {
    const [out, error] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "exit")]);
    if (child.exitCode !== 0) throw new Error(`ended with ${String(child.exitCode)}: ${error}`);
    return out;
  };
  const folder = finish();
  folder.catch(() => undefined); // those that are killed
  return { child, folder };
}

test("of two processes that want a model at once, one fetches it and the other waits", async () => {
  const weights = randomBytes(6 * mebibyte);
  const { store, address } = await startFetching(weights);
  const cacheFolder = await temporaryFolder();
  const fetchers = [startFetcher(address, cacheFolder), startFetcher(address, cacheFolder)];
  const folders = await Promise.all(fetchers.map(({ folder }) => folder));
  expect(folders[0]).toBe(folders[1]);
  await expectWhole({ folder: folders[0] ?? "" }, store);
  const ranges = store.asked();
  expect(ranges).toHaveLength(new Set(ranges).size);
});

test("a process that was taken for dead waits for the one that took over, and goes on from there", async () => {
  const { store, cacheFolder, warnings, fetch } = await startFetching();
  store.fault = ({ start }) => (start > 0 ? { kind: "stall", afterBytes: 1 } : undefined);
  const fetching = fetch({ internals: { timing: { beatMs: 20, staleMs: 300 } } });
  await expect.poll(() => store.requests.some(({ start }) => start > 0)).toBe(true);
  store.fault = () => undefined;
  const locks = join(cacheFolder, "locks");
  const [key = ""] = await readdir(locks);
  // One on another machine, which dies in its turn: its heart does not beat.
  await writeFile(join(locks, key, "2"), JSON.stringify({ realm: "another machine", pid: 1, startTime: "1" }));
  await expectWhole(await fetching, store);
  expect(warnings).toEqual([expect.stringContaining("beginning anew: another process took the download over")]);
  expect(store.listings).toBe(2);
});

describe("a process that is killed while it fetches", () => {
  const weightBytes = 8 * mebibyte;
  /** The timing of the process that was killed: a lock that nobody beats for is free soon. */
  const internals = { timing: { beatMs: 20, staleMs: 300 } };

  /** Waits half a millisecond after each 64 KiB, so that the process keeps up: what was sent has about arrived. */
  function sendSlowly(store: StoreServer, onSent: () => void): void {
    store.onSent = () => {
      const until = performance.now() + 0.5;
      while (performance.now() < until);
      onSent();
    };
  }

  const random = new Random(9);
  const moments = Array.from({ length: 10 }, () => random.integer(1, weightBytes));

  test.each(moments)("after %i bytes leaves nothing that anybody could take for the model", async (sentBytes) => {
    const { store, address, fetch } = await startFetching(randomBytes(weightBytes));
    const cacheFolder = await temporaryFolder();
    const { child } = startFetcher(address, cacheFolder);
    const exited = once(child, "exit");
    sendSlowly(store, () => {
      if (store.bytesSent >= sentBytes) child.kill("SIGKILL");
    });
    expect(await exited).toEqual([null, "SIGKILL"]);
    store.onSent = () => undefined;
    expect((await listCache(new CacheFolder(cacheFolder))).filter(({ isComplete }) => isComplete)).toEqual([]);
    await expectWhole(await fetch({ cacheFolder, internals }), store);
  });

  test("leaves what it had to the next start, which asks for the rest only", async () => {
    const { store, address, fetch } = await startFetching(randomBytes(weightBytes));
    const cacheFolder = await temporaryFolder();
    const { child } = startFetcher(address, cacheFolder);
    const exited = once(child, "exit");
    store.fault = ({ start }) => {
      if (start === weightBytes - mebibyte) child.kill("SIGKILL"); // the last of eight parts; two are under way at once
      return undefined;
    };
    await exited;
    store.fault = () => undefined;
    store.requests.length = 0;
    await expectWhole(await fetch({ cacheFolder, internals }), store);
    // The parts that were under way, and those whose records were: far from all.
    expect(store.requests.length).toBeLessThanOrEqual(4);
    expect(store.requests.every(({ path }) => path === "model.safetensors")).toBe(true);
  });

  test("is followed at once by the one that waited for it", async () => {
    const { store, address } = await startFetching(randomBytes(weightBytes));
    const cacheFolder = await temporaryFolder();
    store.fault = ({ start }) => (start > 0 ? { kind: "stall", afterBytes: 1 } : undefined);
    const first = startFetcher(address, cacheFolder);
    await expect.poll(() => store.requests.filter(({ start }) => start > 0).length).toBe(2);
    const second = startFetcher(address, cacheFolder);
    await expect.poll(() => store.listings).toBe(2);
    store.fault = () => undefined;
    first.child.kill("SIGKILL");
    await expectWhole({ folder: await second.folder }, store);
    await expect(first.folder).rejects.toThrow("ended with null");
  });
});
