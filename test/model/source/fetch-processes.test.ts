/** Several processes and one cache: at once, and one after the other where the first was killed. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";
import { build } from "esbuild";
import { beforeAll, describe, expect, test } from "vitest";
import { temporaryFolder } from "../../support/checkpoints.js";
import { Random } from "../../support/random.js";
import { expectWhole, mebibyte, randomBytes, startFetching } from "./fetching.js";

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

describe("a process that is killed while it fetches", () => {
  const random = new Random(9);
  // From before the first byte to after the last: a download takes about 300 ms here.
  const moments = Array.from({ length: 10 }, () => random.integer(60, 450));

  test.each(moments)("after %i ms leaves nothing that the next start could take for the model", async (ms) => {
    const { store, address, fetch } = await startFetching(randomBytes(8 * mebibyte));
    store.onSent = () => {
      const until = performance.now() + 0.5;
      while (performance.now() < until); // some 60 ms a mebibyte, so that most moments fall into the download
    };
    const cacheFolder = await temporaryFolder();
    const { child } = startFetcher(address, cacheFolder);
    const exited = once(child, "exit");
    await delay(ms);
    child.kill("SIGKILL");
    await exited;
    store.onSent = () => undefined;
    const internals = { timing: { beatMs: 20, staleMs: 300 } };
    await expectWhole(await fetch({ cacheFolder, internals }), store);
  });
});
