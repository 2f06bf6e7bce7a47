import { cp, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { digestLocalModel } from "../../../../src/model/index.js";
import type { ModelLocation } from "../../../../src/model/source/location/model-location.js";
import { openWatch } from "../../../../src/model/source/watch/open-watch.js";
import { fixture, temporaryFolder } from "../../../support/checkpoints.js";
import { serveFiles, startServer } from "../../../support/file-server.js";
import { startHub, type HubFile } from "../../../support/hub-server.js";
import { never } from "../../../support/remote.js";
import { manifestOf } from "../../../support/upload-manifest.js";
import { filesOf } from "./watching.js";

/** The digests of the model that is there, and of the one that is there after `change`. */
async function watched(
  location: ModelLocation,
  change: () => unknown,
  environment: Readonly<Record<string, string>> = {},
): Promise<string[]> {
  const watch = await openWatch(location, {
    ...{ environment, cacheFolder: await temporaryFolder(), partBytes: 2 ** 20, concurrency: 2, intervalMs: 1 },
    log: { info: (text) => expect.unreachable(text), warn: (text) => expect.unreachable(text) },
  });
  const first = await watch.first(never);
  await change();
  const next = await watch.next(never);
  await first.release();
  if ("reason" in next) return expect.unreachable(next.reason);
  await next.release();
  return [first.digest, next.digest];
}

/** The digests of these two models, by reading their folders. */
async function digests(): Promise<string[]> {
  const folders = await Promise.all(["one", "two"].map(folderOf));
  return Promise.all(folders.map(digestLocalModel));
}

async function folderOf(weights: string): Promise<string> {
  const folder = await temporaryFolder();
  for (const [name, bytes] of filesOf(weights)) await writeFile(join(folder, name), bytes);
  return folder;
}

test("a folder of this machine is watched", async () => {
  const [folder, next] = await Promise.all([folderOf("one"), folderOf("two")]);
  const change = async (): Promise<void> => cp(next, folder, { recursive: true });
  expect(await watched({ kind: "local", path: folder }, change)).toEqual(await digests());
});

test("a web server's folder is watched, and its manifest read", async () => {
  const at = (weights: string) => Array.from(filesOf(weights), ([name, bytes]) => [`/m/${name}`, bytes] as const);
  const manifest = (weights: string) => ["/m/ortler-manifest.json", manifestOf(filesOf(weights))] as const;
  const files = new Map<string, string | Buffer>([...at("one"), manifest("one"), ["/m/vocab.json", "not named"]]);
  const { origin, requests } = await startServer(serveFiles(files));
  const change = (): void => [...at("two"), manifest("two")].forEach(([path, content]) => files.set(path, content));
  const location = { kind: "http", url: `${origin}/m/`, query: undefined } as const;
  expect(await watched(location, change)).toEqual(await digests());
  expect(requests.filter(({ method, url }) => method === "GET" && url === "/m/vocab.json")).toEqual([]);
});

test("a branch of the hub is watched", async () => {
  const toHub = (weights: string) =>
    Array.from(filesOf(weights), ([name, bytes]) => [name, { content: String(bytes) }] as const);
  const files = new Map<string, HubFile>(toHub("one"));
  const { hub } = await startHub(files);
  const change = (): void => toHub("two").forEach(([name, file]) => files.set(name, file));
  const location = { kind: "huggingface", model: "org/model", revision: "main" } as const;
  expect(await watched(location, change, { HF_ENDPOINT: hub.origin })).toEqual(await digests());
});

test.each<[string, ModelLocation, RegExp]>([
  [
    "a GGUF file",
    { kind: "local", path: fixture("model.gguf") },
    /a file cannot be watched; give the folder around it/,
  ],
  [
    "the hub's cache",
    { kind: "hub-cache", model: "org/model", revision: "main", cache: "/cache" },
    /what is in the hub's cache does not change; hf:\/\/owner\/model can be watched/,
  ],
])("%s cannot be watched", async (_, location, why) => {
  await expect(watched(location, () => undefined)).rejects.toThrow(why);
});
