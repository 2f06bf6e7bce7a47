import { cp, utimes } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { architectureOf, openCheckpoint } from "../../../src/model/index.js";
import { weightsKey } from "../../../src/model/precision/weights-key.js";
import { copyCheckpoint, fixture, temporaryFolder } from "../../support/checkpoints.js";

const digests = ["0", "1"].map((digit) => `sha256:${digit.repeat(64)}`);

async function keyOf(folder: string, digest?: string): Promise<string> {
  const checkpoint = await openCheckpoint(folder);
  const { factors } = architectureOf(checkpoint).read(checkpoint);
  return weightsKey({ folder, factors }, "int8", digest);
}

test("with a digest the key is that of the contents, wherever and since whenever the model lies there", async () => {
  const copy = join(await temporaryFolder(), "elsewhere");
  await cp(fixture("micro-gpt2"), copy, { recursive: true });
  await utimes(join(copy, "model.safetensors"), 1, 1);
  const keys = [await keyOf(fixture("micro-gpt2"), digests[0]), await keyOf(copy, digests[0])];
  expect(keys[1]).toBe(keys[0]);
  expect(await keyOf(copy, digests[1])).not.toBe(keys[0]);
});

test("without one it changes with the time of the weights", async () => {
  const folder = await copyCheckpoint();
  const key = await keyOf(folder);
  expect(await keyOf(folder)).toBe(key);
  await utimes(join(folder, "model.safetensors"), 1, 1);
  expect(await keyOf(folder)).not.toBe(key);
});
