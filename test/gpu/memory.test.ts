import { expect, test } from "vitest";
import { complete } from "../support/engine.js";
import { completeReferences, fixtures } from "../support/reference.js";
import { deviceBytesInUse, startOnDevice } from "./support/device.js";

const prompts = completeReferences(`${fixtures}/tiny-reference.json`).map(({ prompt }) => prompt);
const mebibyte = 2 ** 20;

test("memory of the process and of the device stays flat over 1,000 requests", async ({ annotate }) => {
  const { engine } = await startOnDevice("models/tiny", "--max-slots=32");
  const round = async (): Promise<void> => {
    const asked = Array.from({ length: 50 }, (_, index) => ({
      prompt: prompts[index % prompts.length] ?? "",
      ...(index % 2 === 0 ? { method: "greedy" as const } : { method: "sample" as const, temperature: 0.9 }),
      ...{ maxNewTokens: 16 + (index % 16), details: { completionTokens: true, logprobs: index % 3 === 0 } },
    }));
    await Promise.all(asked.map(async (request) => complete(engine, request)));
  };
  const read = () => ({ resident: process.memoryUsage.rss(), device: deviceBytesInUse() });

  for (let warmUp = 0; warmUp < 10; warmUp += 1) await round();
  const before = read();
  for (let count = 0; count < 20; count += 1) await round();
  const after = read();

  expect(after.device - before.device).toBeLessThan(16 * mebibyte);
  expect(after.resident - before.resident).toBeLessThan(64 * mebibyte);
  const grown = (name: "resident" | "device"): string => `${((after[name] - before[name]) / mebibyte).toFixed(1)} MiB`;
  await annotate(`grown by ${grown("resident")} resident, ${grown("device")} on the device`);
});
