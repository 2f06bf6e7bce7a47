/** Set-up for tests that fetch a model from a store that runs here. */
import { randomFillSync } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished } from "vitest";
import { fetchModel, type FetchOptions } from "../../../src/model/source/fetch-model.js";
import type { CachedModel } from "../../../src/model/source/fetch-entry.js";
import { temporaryFolder } from "../../support/checkpoints.js";
import { mebibyte } from "./fetching-sizes.js";
import { ServedFolder, StoreServer } from "./store-server.js";

export { mebibyte };

/** Fast failures: the waits of production would be all that the tests do. */
export const fast = {
  retry: { attempts: 4, firstDelayMs: 1, maxDelayMs: 4 },
  stallMs: 60_000,
  timing: { beatMs: 50, staleMs: 30_000 },
};

export interface Fetching {
  readonly store: StoreServer;
  readonly address: string;
  readonly remote: ServedFolder;
  readonly cacheFolder: string;
  readonly warnings: string[];
  /** Released when the test ends. */
  readonly fetch: (options?: Partial<FetchOptions>, remote?: ServedFolder) => Promise<CachedModel>;
}

/** A store with one model, and an empty cache. */
export async function startFetching(weights = randomBytes(3 * mebibyte + 5)): Promise<Fetching> {
  const store = new StoreServer();
  const address = await store.listen();
  onTestFinished(() => store.close());
  putModel(store, weights);
  const cacheFolder = await temporaryFolder();
  const remote = new ServedFolder(address);
  const warnings: string[] = [];
  const fetch: Fetching["fetch"] = async (options = {}, from = remote) => {
    const model = await fetchModel(from, {
      cacheFolder,
      partBytes: mebibyte,
      concurrency: 2,
      signal: new AbortController().signal,
      onWarning: (message) => warnings.push(message),
      ...options,
      internals: { ...fast, ...options.internals },
    });
    onTestFinished(() => model.release());
    await model.committed;
    return model;
  };
  return { store, address, remote, cacheFolder, warnings, fetch };
}

export function putModel(store: StoreServer, weights: Buffer, version = "v1"): void {
  store.put("config.json", Buffer.from('{"model_type": "gpt2"}'), version);
  store.put("tokenizer.json", randomBytes(2000), version);
  store.put("model.safetensors", weights, version);
  store.put("optimizer.pt", randomBytes(5000), version);
}

export function randomBytes(length: number): Buffer {
  return randomFillSync(Buffer.allocUnsafe(length));
}

/** Every file that a server needs is in the folder, byte for byte. */
export async function expectWhole({ folder }: { readonly folder: string }, store: StoreServer): Promise<void> {
  for (const path of ["config.json", "tokenizer.json", "model.safetensors"]) {
    const found = await readFile(join(folder, path));
    expect(found.equals(store.files.get(path)?.bytes ?? Buffer.alloc(0)), path).toBe(true);
  }
}
