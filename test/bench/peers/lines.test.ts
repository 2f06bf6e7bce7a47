import path from "node:path";
import { execPath } from "node:process";
import { pathToFileURL } from "node:url";
import { expect, test } from "vitest";
import { PeerProcess } from "../../../bench/peers/peer-process.js";

const lines = pathToFileURL(path.join("bench", "peers", "workspace", "programs", "lines.js")).href;
const options = { model: "/model", precision: "float32", threads: 3, sequences: 2, contextTokens: 8 };

/** A peer of our own programs' kind. */
const program = (load: string): string[] => [
  execPath,
  "--input-type=module",
  "--eval",
  `import { serve } from ${JSON.stringify(lines)};\nawait serve(${load});`,
];

test("a program is told what to load, and each token that it records is an arrival", async () => {
  const load = `async ({ model, threads }) => ({
    version: model + " with " + threads,
    async run(prompts, count, log) {
      console.log("loading weights"); // as libraries do
      for (let token = 0; token < count; token += 1) prompts.forEach(([id], sequence) => log.record(sequence, BigInt(id + token)));
    },
  })`;
  const { process, version } = await PeerProcess.start(program(load), options);
  await using running = process;
  const { arrivals, tokenIds } = await running.run([[10], [20]], 2);
  expect(version).toBe("/model with 3");
  expect(tokenIds.flat()).toEqual([10, 11, 20, 21]);
  expect(arrivals.map((list) => list.map(({ tokens }) => tokens).join())).toEqual(["1,2", "1,2"]);
  const times = arrivals[1]?.map(({ ms }) => ms) ?? [];
  expect(times[1]).toBeGreaterThanOrEqual(times[0] ?? Infinity);
});

test("a program whose library throws tells it, and answers on", async () => {
  const load = `async () => ({
    version: "1",
    async run(prompts, count, log) {
      if (count > 1) throw new RangeError("too many");
      prompts.forEach((_, sequence) => log.record(sequence, 0));
    },
  })`;
  await using running = (await PeerProcess.start(program(load), options)).process;
  await expect(running.run([[1]], 2)).rejects.toThrow("RangeError: too many");
  expect((await running.run([[1]], 1)).tokenIds.flat()).toEqual([0]);
});
