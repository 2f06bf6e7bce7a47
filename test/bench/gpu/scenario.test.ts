import { expect, test } from "vitest";
import { decodeRun, fullScenario, smokeScenario } from "../../../bench/gpu/scenario.js";
import { median } from "../../../bench/stats.js";

/** Cached tokens of each stream in each step in which all decode, where a step prefills one prompt. */
function contexts(streams: number, promptTokens: number, newTokens: number): number[] {
  const all: number[] = [];
  for (let step = streams; step < newTokens; step += 1) {
    for (let stream = 0; stream < streams; stream += 1) all.push(promptTokens + step - stream);
  }
  return all;
}

test.each(fullScenario.streams)("%d streams decode together in all steps, at the context on average", (streams) => {
  const { promptTokens, newTokens } = decodeRun(fullScenario, streams);
  const all = contexts(streams, promptTokens, newTokens);
  expect(all.length).toBe(fullScenario.steps * streams);
  expect(Math.abs(median(all) - 256)).toBeLessThanOrEqual(1);
});

test.each([fullScenario, smokeScenario])("everything fits into the positions of $checkpoint.name", (scenario) => {
  const { checkpoint, streams, clients, prefillTokens } = scenario;
  const runs = [
    ...streams.map((count) => decodeRun(scenario, count)),
    clients,
    { promptTokens: prefillTokens, newTokens: 2 },
  ];
  const longest = Math.max(...runs.map(({ promptTokens, newTokens }) => promptTokens + newTokens));
  expect(longest).toBeLessThanOrEqual(checkpoint.sizes.positions);
});
