/** Models are swapped under load: nothing is lost, nothing is mixed, and memory is that of one model again. */
import { readFileSync } from "node:fs";
import { expect, onTestFinished, test, vi } from "vitest";
import { digestLocalModel } from "../../../src/model/index.js";
import { liveTensors, Session } from "../../../src/ort/index.js";
import { complete, startTestEngine } from "../../support/engine.js";
import { RawClient } from "../../support/grpc.js";
import { until } from "../../support/settled.js";
import { maxNewTokens, waysToAsk } from "./asking.js";
import { brokenModel, microModel, otherModel, startBucket, writeModel, type ModelFiles } from "./models.js";
import { startWatchingServer, type WatchingServer } from "./server.js";

const prompts = ["the whale", "the cat sat on the mat", "In the beginning", "a man of"];

interface Known {
  readonly files: ModelFiles;
  readonly digest: string;
  /** What the model answers alone, by prompt. */
  readonly texts: readonly string[];
}

async function known(files: ModelFiles): Promise<Known> {
  const folder = await writeModel(files);
  using alone = await startTestEngine(folder);
  const answers = prompts.map(async (prompt) => complete(alone.engine, { prompt, maxNewTokens }));
  const texts = (await Promise.all(answers)).map(({ text }) => text);
  return { files, digest: await digestLocalModel(folder), texts };
}

/** Sessions that exist, and the most that did at once, from now on. */
function countSessions(): () => { readonly now: number; readonly most: number } {
  const created = vi.spyOn(Session, "create");
  const disposed = vi.spyOn(Session.prototype, "dispose");
  onTestFinished(() => void vi.restoreAllMocks());
  return () => {
    const firsts = new Map(disposed.mock.contexts.map((session, index) => [session, index] as const).reverse());
    const ends = Array.from(firsts.values(), (index) => disposed.mock.invocationCallOrder[index] ?? 0);
    const changes = [
      ...created.mock.invocationCallOrder.map((order) => [order, 1] as const),
      ...ends.map((order) => [order, -1] as const),
    ];
    let [now, most] = [0, 0];
    for (const [, change] of changes.sort(([one], [other]) => one - other)) {
      now += change;
      most = Math.max(most, now);
    }
    return { now, most };
  };
}

/** Weight files of the cache that this process has mapped, by their entry. */
function mappedModels(): Set<string> {
  const lines = readFileSync("/proc/self/maps", "utf8").matchAll(/entries\/(\w+)\/.*model\.safetensors/g);
  return new Set(Array.from(lines, ([, entry = ""]) => entry));
}

/** Asks in all ways at once until `isOver`; every answer is checked as it comes. */
function keepAsking(server: WatchingServer, models: readonly Known[], isOver: () => boolean) {
  const client = new RawClient(server.port);
  const ways = waysToAsk(client, server.url);
  const faults: string[] = [];
  const answeredBy = new Set<number>();
  let answered = 0;
  const askOn = async (worker: number): Promise<void> => {
    for (let turn = worker; !isOver(); turn += 1) {
      const index = turn % prompts.length;
      const texts = await ways[(turn + worker) % ways.length]?.(prompts[index] ?? "").catch((error: unknown) => [
        String(error),
      ]);
      const model = models.findIndex((candidate) => candidate.texts[index] === texts?.[0]);
      answered += 1;
      answeredBy.add(model);
      if (model < 0 || new Set(texts).size !== 1) faults.push(JSON.stringify(texts));
    }
  };
  const workers = Promise.all(Array.from({ length: 24 }, (_, worker) => askOn(worker)));
  return {
    answered: () => answered,
    end: async () => {
      await workers;
      client.close();
      return { faults, answeredBy };
    },
  };
}

test("500 requests in flight and arriving during three swaps and a refusal: none lost, none mixed, one model in memory", async () => {
  const models = [await known(await microModel())];
  for (const seed of [1, 2, 3]) models.push(await known(await otherModel(seed)));
  expect(new Set(models.flatMap(({ texts }) => texts)).size).toBe(models.length * prompts.length);
  const broken = await brokenModel();
  const [first, ...others] = models;
  const bucket = await startBucket(first?.files ?? new Map());
  const sessions = countSessions();
  const server = await startWatchingServer(bucket.uri);
  expect(await server.health()).toEqual({ model: { id: "tuned", digest: first?.digest } }); // by one token
  const before = { tensors: liveTensors(), mapped: mappedModels().size };
  expect(sessions()).toEqual({ now: 1, most: 1 });

  let isOver = false;
  const load = keepAsking(server, models, () => isOver);
  const answers = async (count: number): Promise<void> => {
    const target = load.answered() + count;
    await until(() => load.answered() >= target);
  };
  for (const [index, { files, digest }] of others.entries()) {
    await answers(60);
    if (index === 1) {
      bucket.upload(broken);
      await server.until(({ refused }) => refused?.reason === "token-check");
      await answers(60);
    }
    bucket.upload(files);
    await server.until(({ model }) => model.digest === digest);
  }
  await answers(60); // more than can have begun before the last swap
  await until(() => load.answered() >= 500);
  isOver = true;
  const { faults, answeredBy } = await load.end();
  await server.untilLogged("the model before is out of memory", 3);

  expect(faults).toEqual([]);
  expect(answeredBy).toEqual(new Set([0, 1, 2, 3]));
  expect(mappedModels().size).toBe(1);
  bucket.upload(first?.files ?? new Map()); // an engine that has run one token has the tensors of the start, and no more
  await server.untilLogged("the model before is out of memory", 4);
  expect({ tensors: liveTensors(), mapped: mappedModels().size }).toEqual(before);
  expect(sessions()).toEqual({ now: 1, most: 2 });
  const metrics = await server.metrics();
  expect(metrics).toContain('ortler_model_swaps_total{result="swapped"} 4');
  expect(metrics).toContain('ortler_model_swaps_total{result="refused"} 1');
  expect(metrics.match(/^ortler_model_info.*$/gm)).toEqual([expect.stringContaining(first?.digest ?? "?")]);
  expect(metrics).not.toContain("tgi_request_failure{");
}, 120_000);
