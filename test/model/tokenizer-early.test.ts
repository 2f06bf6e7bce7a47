import { rm } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { loadModel, loadTokenizerEarly } from "../../src/model/index.js";
import { copyCheckpoint, fixture, temporaryFolder } from "../support/checkpoints.js";

test("a model's tokenizer is there before its weights are", async () => {
  const folder = await copyCheckpoint();
  await rm(join(folder, "model.safetensors"));
  const tokenizer = await loadTokenizerEarly(folder);
  expect(tokenizer?.encode("The whale").length).toBeGreaterThan(0);
});

test("so is that of a Caikit model, whose files are in its artifacts", async () => {
  expect(await loadTokenizerEarly(fixture("micro-gpt2-caikit"))).toBeDefined();
});

test("nothing is said of what is wrong before the model is loaded", async () => {
  expect(await loadTokenizerEarly(await temporaryFolder())).toBeUndefined();
});

test("a model has the tokenizer that was loaded early, and loads it where it could not be", async () => {
  const folder = fixture("micro-gpt2");
  const early = await loadTokenizerEarly(folder);
  const options = { folder, threads: 1, isSpinning: false };
  using given = await loadModel({ ...options, tokenizer: Promise.resolve(early) });
  using own = await loadModel({ ...options, tokenizer: Promise.resolve(undefined) });
  expect(given.tokenizer).toBe(early);
  expect(own.tokenizer.encode("The whale")).toEqual(given.tokenizer.encode("The whale"));
});
