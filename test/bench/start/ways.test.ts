import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { startsOf } from "../../../bench/start/ways.js";
import { temporaryFolder } from "../../support/checkpoints.js";

const model = { name: "tiny", folder: "models/tiny", uri: "s3://models/tiny/", prompt: { text: "", tokenIds: [] } };

test("without a store a model starts from its folder only", () => {
  const all = startsOf(model, "caches");
  const withoutStore = startsOf({ ...model, uri: undefined }, "caches");
  expect(new Set(all.map(({ args }) => args[0]))).toEqual(
    new Set(["--model=models/tiny", "--model=s3://models/tiny/"]),
  );
  expect(new Set(withoutStore.map(({ args }) => args[0]))).toEqual(new Set(["--model=models/tiny"]));
});

test("no two starts share a cache", () => {
  const caches = startsOf(model, "caches").flatMap(({ args }) =>
    args.filter((arg) => arg.startsWith("--model-cache=")),
  );
  expect(caches.length).toBeGreaterThan(3);
  expect(new Set(caches).size).toBe(caches.length);
});

test("before a start its caches are emptied, or left as the start before has filled them", async () => {
  const folder = await temporaryFolder();
  const left = await Promise.all(
    startsOf(model, folder).map(async ({ caches, prepare }, index) => {
      await mkdir(join(folder, "tiny", String(index), "weights"), { recursive: true });
      await prepare();
      return [String(index), caches] as const;
    }),
  );
  const filled = left.filter(([, caches]) => caches !== "empty").map(([index]) => index);
  expect((await readdir(join(folder, "tiny"))).sort()).toEqual(filled);
  expect(filled.length).toBeLessThan(left.length);
});
