import { expect, onTestFinished, test } from "vitest";
import { loadOptions } from "../../src/config/load.js";
import { settings } from "../../src/config/settings.js";
import { openEarlyHealth } from "../../src/servers/early-health.js";
import { createLogger } from "../../src/telemetry/log.js";

const log = createLogger({ level: "off", format: "json" });
const { values } = loadOptions({ table: settings, args: ["--host=127.0.0.1"], environment: {} });

async function open() {
  const early = await openEarlyHealth(values, { port: 0, serves: "health", names: ["health"] }, log);
  onTestFinished(() => early.drain(0));
  const get = async (path: string): Promise<Response> => fetch(`http://127.0.0.1:${early.port}${path}`);
  const told = async (): Promise<string> => (await get("/health")).text();
  return { ...early, get, told };
}

test("until the model is here, health gives what it waits for, then how far it is", async () => {
  const { say, onProgress, get, told } = await open();
  expect([(await get("/health")).status, await told()]).toEqual([503, '{"error":"loading"}']);
  say("waiting for the model");
  expect(await told()).toBe('{"error":"waiting for the model"}');
  onProgress({ phase: "downloading", bytesDone: 63, bytesTotal: 100, bytesPerSecond: 1, secondsLeft: 37 });
  expect(await told()).toBe('{"error":"loading 63%"}');
  expect(await (await get("/metrics")).text()).toContain("ortler_model_fetched_bytes 63");
});

test("once the model is here, its own health and metrics answer", async () => {
  const { become, get, told } = await open();
  become({ isHealthy: () => Promise.resolve(true), exposition: () => Promise.resolve("own 1") });
  expect([(await get("/health")).status, await (await get("/metrics")).text()]).toEqual([200, "own 1"]);
  become({ isHealthy: () => Promise.resolve(false), exposition: () => Promise.resolve("") });
  expect(await told()).toBe('{"error":"unhealthy"}');
});
