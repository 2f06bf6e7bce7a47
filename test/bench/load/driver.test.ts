/** What the clients send, and when, to a server that answers at once. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { driveTask } from "../../../bench/load/client/driver.js";
import type { ClientTask } from "../../../bench/load/client/messages.js";
import { clockFrom, PulseCounter } from "../../../bench/load/client/recording.js";
import { dueTimes, type Arrival, type OpenArrival } from "../../../bench/load/scenario/arrivals.js";
import { RequestSource } from "../../../bench/load/scenario/requests.js";
import type { Traffic } from "../../../bench/load/scenario/scenario.js";
import { openAiApi } from "../../../src/api/http/openai/index.js";
import { OverCapacityError } from "../../../src/errors.js";
import { serveScript } from "../../support/http-texts.js";
import { failing } from "../../support/scripted-engine.js";

let server: Awaited<ReturnType<typeof serveScript>>;
beforeEach(async () => {
  server = await serveScript((options) => [openAiApi({ ...options, strictModelNames: false })]);
});
afterEach(async () => server.stop());

const words = [" one", " two", " three", " four", " five", " six", " seven", " eight"];

/** Traffic of twelve tokens in and five out, that arrives like this. */
function trafficOf(arrival: Arrival): Traffic {
  const fixed = (tokens: number) => ({ kind: "fixed", tokens }) as const;
  const lengths = { promptTokens: fixed(12), completionTokens: fixed(5), sharedTokens: 0, sharedPrefixes: 1 };
  return { name: "all", arrival, ...lengths, passages: undefined, sampling: undefined };
}

async function drive(traffic: Traffic, part: ClientTask["part"]) {
  const target = { api: "openai", address: server.url, tls: undefined, apiKey: undefined, modelId: "m" } as const;
  const startAtMs = Date.now();
  const times = { startAtMs, warmUpMs: 50, measuredMs: 150, timeoutMs: 5000 };
  return driveTask(
    { target, traffic: [traffic], words, texts: [undefined], seed: 3, part, ...times },
    clockFrom(startAtMs),
    new PulseCounter(),
  );
}

const prompts = (): unknown[] => server.engine.requests.splice(0).map(({ prompt }) => prompt);

test("an open loop sends the same requests at the same times from one process and from two", async () => {
  const arrival: OpenArrival = { kind: "poisson", perSecond: 80 };
  const traffic = trafficOf(arrival);
  const one = await drive(traffic, { index: 0, count: 1 });
  const fromOne = prompts();
  const two = [...(await drive(traffic, { index: 0, count: 2 })), ...(await drive(traffic, { index: 1, count: 2 }))];
  expect(prompts().sort()).toEqual(fromOne.sort());

  const source = new RequestSource(traffic, words, 3, 0);
  const due = dueTimes(arrival, 200, source.dueRandom());
  const dueOf = (records: typeof one): number[] => records.map(({ dueMs }) => dueMs).sort((a, b) => a - b);
  expect([dueOf(one), dueOf(two)]).toEqual([due, due]);
  expect(due.length).toBeGreaterThan(5);
});

test("clients of a closed loop are spread over the processes, and each has its own requests", async () => {
  const traffic = trafficOf({ kind: "closed", clients: 3 });
  const source = new RequestSource(traffic, words, 3, 0);
  const firstOf = (client: number): string => source.request(client, 0).prompt;
  await drive(traffic, { index: 0, count: 2 });
  const first = prompts();
  await drive(traffic, { index: 1, count: 2 });
  const second = prompts();
  expect([0, 1, 2].map((client) => first.includes(firstOf(client)))).toEqual([true, false, true]);
  expect([0, 1, 2].map((client) => second.includes(firstOf(client)))).toEqual([false, true, false]);
  expect(second[1]).toBe(source.request(1, 1).prompt); // one after the other
});

test("a client that was refused waits before it asks again", async () => {
  server.engine.script = failing(new OverCapacityError(1));
  const records = await drive(trafficOf({ kind: "closed", clients: 1 }), { index: 0, count: 1 });
  expect(records.map(({ errorCode }) => errorCode)).toContain("HTTP 429");
  expect(records.length).toBeLessThanOrEqual(2); // of 200 ms, with 100 ms between
});
