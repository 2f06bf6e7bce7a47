import { expect, test } from "vitest";
import { liveTensors } from "../../src/ort/index.js";
import { unload } from "../../src/servers/loaded.js";
import { complete } from "../support/engine.js";
import { deviceBytesInUse, loadOnDevice } from "./support/device.js";

const mebibyte = 2 ** 20;

/** Loads the model, lets it answer greedily, by chance, with all log-probabilities, and to nobody; and unloads it. */
async function loadUseAndUnload(): Promise<void> {
  const loaded = await loadOnDevice("models/tiny", "--max-slots=8");
  const asked = { prompt: "The whale", maxNewTokens: 8 };
  const details = { promptTokens: true, completionTokens: true, logprobs: true, topN: 3 };
  const gone = AbortSignal.timeout(5);
  await Promise.all([
    complete(loaded.engine, asked),
    complete(loaded.engine, { ...asked, method: "sample", temperature: 0.9, details }),
    complete(loaded.engine, { ...asked, maxNewTokens: 500 }, gone).catch(() => undefined),
  ]);
  await loaded.engine.drain(0);
  await unload(loaded);
}

test("every tensor of an engine is gone with it, and its memory on the device", async () => {
  await loadUseAndUnload(); // what the libraries keep for good
  const before = { tensors: liveTensors(), bytes: deviceBytesInUse() };
  for (let count = 0; count < 3; count += 1) await loadUseAndUnload();
  expect(liveTensors()).toBe(before.tensors);
  expect(deviceBytesInUse() - before.bytes).toBeLessThan(16 * mebibyte);
});
