/** The moment of the swap: what has begun stays with its model, what comes goes to the next. */
import { cp, readFile, rename, rm } from "node:fs/promises";
import { afterEach, expect, test, vi } from "vitest";
import { digestLocalModel, loadModel } from "../../../src/model/index.js";
import { liveTensors, Session } from "../../../src/ort/index.js";
import { CurrentModel } from "../../../src/servers/current-model.js";
import type { Loaded } from "../../../src/servers/loaded.js";
import { prepareServed, type Served } from "../../../src/servers/served.js";
import { createEngine } from "../../../src/engine/index.js";

import { ModelDigest } from "../../../src/model/digest/model-digest.js";
import { createLogger } from "../../../src/telemetry/log.js";
import { fixture, temporaryFolder } from "../../support/checkpoints.js";
import { complete, fold } from "../../support/engine.js";
import { never } from "../../support/remote.js";
import { until } from "../../support/settled.js";
import { microModel, otherModel, startBucket, writeModel, type ModelFiles } from "./models.js";
import { startWatchingServer } from "./server.js";

const log = createLogger({ level: "off", format: "json" });
const limits = { maxSequenceLength: 0, maxNewTokens: 64, maxConcurrentRequests: 8, maxSlots: 4 };
const options = { ...limits, kvMemoryBytes: 2 ** 24, memoryLimitBytes: 2 ** 33, prefillChunkTokens: 256 };

const inFlight = ({ engine }: Loaded): number => {
  const { waiting, prefilling, running } = engine.counts;
  return waiting + prefilling + running;
};

/** @param told of its end: `freed with 0 in flight`. */
async function serve(folder: string, told: string[] = []): Promise<Served> {
  const model = await loadModel({ folder, threads: 1, isSpinning: false });
  const running = createEngine(model, {
    ...{
      ...options,
      decodeSlowdown: 2,
      prefixCacheTokens: 0,
      promptLookup: false,
      joinPrompts: true,
      includeStopSequenceByDefault: true,
    },
    onFailure: (error) => expect.unreachable(String(error)),
  });
  const digest = new ModelDigest(Promise.resolve([]), "sha256:0");
  const loaded: Loaded = {
    ...{ ...running, model, digest, loadMs: 0, ending: never },
    release: () => Promise.resolve(),
    dispose: () => {
      told.push(`freed with ${inFlight(loaded)} in flight`);
      running.dispose();
    },
  };
  return prepareServed(loaded, "1", log);
}

const otherFolder = async (): Promise<string> => writeModel(await otherModel(1));

const longest = { prompt: "the whale", method: "greedy", maxNewTokens: 64, minNewTokens: 64 } as const;

test("a request that has begun is answered to its end by the model before, which is in memory until then", async () => {
  const told: string[] = [];
  const before = await serve(fixture("micro-gpt2"), told);
  const current = new CurrentModel(before);
  const alone = await complete(before.engine, longest);
  const next = await serve(await otherFolder(), told);
  const tensors = liveTensors();

  const began = fold(before.engine.generate(longest, never));
  await until(() => inFlight(before) === 1);
  const replaced = current.replace(next);
  expect(current.withRequests).toEqual([before, next]);
  const later = await complete(current.get().engine, longest);
  expect((await began).text).toBe(alone.text);
  expect(later.text).not.toBe(alone.text);
  await replaced;
  expect(told).toEqual(["freed with 0 in flight"]);
  expect(current.withRequests).toEqual([next]);
  expect(liveTensors()).toBeLessThan(tensors);
  await current.drain(0);
});

test("a shutdown during a swap ends what both models still run", async () => {
  const told: string[] = [];
  const before = await serve(fixture("micro-gpt2"), told);
  const current = new CurrentModel(before);
  const next = await serve(await otherFolder(), told);
  const old = fold(before.engine.generate(longest, never));
  await until(() => inFlight(before) === 1);
  void current.replace(next);
  const young = fold(current.get().engine.generate(longest, never));
  const ends = Promise.allSettled([old, young]);
  await current.drain(0);
  const reason = expect.objectContaining({ message: "the server is shutting down" }) as Error;
  expect(await ends).toEqual(Array(2).fill({ status: "rejected", reason }));
  expect(told).toEqual(["freed with 0 in flight"]);
});

test("requests that ask in the turn of the swap are taken by the model that they asked for", async () => {
  const current = new CurrentModel(await serve(fixture("micro-gpt2")));
  const { engine } = current.get();
  const next = await serve(await otherFolder());
  const replaced = current.replace(next);
  const asked = { prompt: "the whale", maxNewTokens: 4 };
  await expect(complete(engine, asked)).resolves.toMatchObject({ stopReason: "max-tokens" });
  await replaced;
  await expect(complete(engine, asked)).rejects.toThrow(/shutting down/);
  await current.drain(0);
});

afterEach(() => void vi.restoreAllMocks());

test("of two uploads in quick succession the newer one serves in the end", async () => {
  const bucket = await startBucket(await microModel());
  const server = await startWatchingServer(bucket.uri);
  const [older, newer] = [await otherModel(1), await otherModel(2)];
  const digest = await digestLocalModel(await writeModel(newer));
  bucket.upload(older);
  await server.untilLogged("a new model is loaded");
  bucket.upload(newer);
  expect((await server.until(({ model }) => model.digest === digest)).refused).toBeUndefined();
});

test("a shutdown does not wait for a model that is being loaded, which is given back when it is", async () => {
  const bucket = await startBucket(await microModel());
  const tensors = liveTensors();
  const server = await startWatchingServer(bucket.uri);
  const served = liveTensors() - tensors;
  const disposed = vi.spyOn(Session.prototype, "dispose");
  bucket.upload(await otherModel(1));
  await server.untilLogged("a new model is loaded");
  await server.drain(0);
  expect(disposed).not.toHaveBeenCalled();
  await until(() => disposed.mock.calls.length > 0);
  expect(liveTensors() - tensors).toBe(served);
  expect(server.logged.filter((line) => /the new model answers|refused|failed/.test(line))).toEqual([]);
});

test("a folder that is replaced by another one is noticed, and its files may go at once", async () => {
  const folder = await writeModel(await microModel());
  const server = await startWatchingServer(folder);
  const next = await writeModel(await otherModel(1));
  const digest = await digestLocalModel(next);
  const old = `${await temporaryFolder()}/old`;
  await rename(folder, old);
  await cp(next, folder, { recursive: true });
  await rm(old, { recursive: true });
  await server.until(({ model }) => model.digest === digest);
  const body = JSON.stringify({ prompt: "the whale", max_tokens: 4, temperature: 0 });
  const headers = { "content-type": "application/json" };
  const answer = await fetch(`${server.url}/v1/completions`, { method: "POST", headers, body });
  expect(answer.status).toBe(200);
});

test("a Caikit model is swapped by the manifest at its root, which names the artifacts", async () => {
  const root = fixture("micro-gpt2-caikit");
  const artifacts = await microModel(`${root}/artifacts`);
  const config = await readFile(`${root}/config.yml`);
  const caikit = (files: ModelFiles): ModelFiles =>
    new Map([["config.yml", config], ...Array.from(files, ([name, bytes]) => [`artifacts/${name}`, bytes] as const)]);
  const bucket = await startBucket(caikit(artifacts));
  const server = await startWatchingServer(bucket.uri);
  const weights = (await otherModel(1)).get("model.safetensors") ?? Buffer.of();
  const next = new Map(artifacts).set("model.safetensors", weights);
  bucket.upload(caikit(next));
  const digest = await digestLocalModel(await writeModel(next));
  expect((await server.until(({ model }) => model.digest === digest)).refused).toBeUndefined();
});

test.each([["/models/model.gguf", "a file cannot be watched; give the folder around it"]])(
  "--watch with %s stops the start: %s",
  async (model, why) => {
    await expect(startWatchingServer(model)).rejects.toThrow(`--watch with the model ${model}: ${why}`);
  },
);

test("info, metadata and fingerprint are those of the model that answers, and its name stays", async () => {
  const bucket = await startBucket(await microModel());
  const server = await startWatchingServer(bucket.uri, "--model-id=gpt");
  const told = async () => {
    const get = async (path: string): Promise<unknown> => (await fetch(server.url + path)).json();
    const body = JSON.stringify({ prompt: "a", max_tokens: 1 });
    const headers = { "content-type": "application/json" };
    const answer = await (await fetch(`${server.url}/v1/completions`, { method: "POST", headers, body })).json();
    const { system_fingerprint: fingerprint, model } = answer as { system_fingerprint: string; model: string };
    return { caikit: await get("/info/models"), kserve: await get("/v2/models/gpt"), fingerprint, model };
  };
  const files = await otherModel(1);
  const digest = await digestLocalModel(await writeModel(files));
  const before = await told();
  bucket.upload(files);
  await server.until(({ model }) => model.digest === digest);
  const after = await told();
  expect(after.caikit).toMatchObject({ models: [{ name: "gpt", metadata: { digest } }] });
  expect(after.kserve).toMatchObject({ name: "gpt", properties: { digest } });
  expect([before.model, after.model]).toEqual(["gpt", "gpt"]);
  expect(after.fingerprint).toMatch(/^fp_/);
  expect(after.fingerprint).not.toBe(before.fingerprint);
});
