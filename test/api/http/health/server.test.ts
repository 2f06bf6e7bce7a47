import { connect } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import {
  startHealthServer,
  type HealthServer,
  type HealthServerOptions,
} from "../../../../src/api/http/health/server.js";
import { until } from "../../../support/settled.js";

const servers: HealthServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

async function start(options: Partial<HealthServerOptions> = {}) {
  const logged: string[] = [];
  const note = (level: string) => (message: string) => void logged.push(`${level} ${message}`);
  const server = await startHealthServer({
    host: "127.0.0.1",
    port: 0,
    isHealthy: () => Promise.resolve(true),
    exposition: () => Promise.resolve("a 1\n"),
    log: { info: note("info"), warn: note("warn"), error: note("error") },
    ...options,
  });
  servers.push(server);
  const url = `http://127.0.0.1:${server.port}`;
  /** Status, content type and body. */
  const ask = async (path: string, init?: RequestInit): Promise<unknown[]> => {
    const response = await fetch(url + path, init);
    return [response.status, response.headers.get("content-type"), await response.text()];
  };
  return { server, url, logged, ask };
}

const never = <T>(): Promise<T> => new Promise(() => undefined);

describe("GET /health", () => {
  test("of a healthy server is 200 without a body", async () => {
    const { ask } = await start();
    expect(await ask("/health")).toEqual([200, null, ""]);
    expect(await ask("/health?verbose")).toEqual([200, null, ""]);
  });

  test("of an unhealthy server is 503 and says so", async () => {
    const { ask } = await start({ isHealthy: () => Promise.resolve(false) });
    expect(await ask("/health")).toEqual([503, "application/json", '{"error":"unhealthy"}']);
  });

  test("that takes too long is 503 and says so", async () => {
    const { ask } = await start({ isHealthy: never, healthTimeoutMs: 5 });
    expect(await ask("/health")).toEqual([503, "application/json", '{"error":"Healthcheck timed-out"}']);
  });

  test("asks every time", async () => {
    const answers = [true, false, true];
    const { ask } = await start({ isHealthy: () => Promise.resolve(answers.shift() ?? false) });
    expect([(await ask("/health"))[0], (await ask("/health"))[0], (await ask("/health"))[0]]).toEqual([200, 503, 200]);
  });

  test("that fails is 500, and the log has the reason", async () => {
    const { ask, logged } = await start({ isHealthy: () => Promise.reject(new Error("broken")) });
    expect(await ask("/health")).toEqual([500, null, ""]);
    expect(logged).toEqual(["error a health or metrics request failed"]);
  });

  test("that its client gives up is told in the log", async () => {
    let isAsked = false;
    const isHealthy = (): Promise<boolean> => ((isAsked = true), never());
    const { server, logged } = await start({ isHealthy });
    const client = connect(server.port, "127.0.0.1", () => client.write("GET /health HTTP/1.1\r\nhost: x\r\n\r\n"));
    await until(() => isAsked);
    client.destroy();
    await until(() => logged.length > 0);
    expect(logged).toEqual(["warn abandoned by its client"]);
  });
});

test("GET /metrics is the exposition as plain text", async () => {
  const { ask } = await start({ exposition: () => Promise.resolve('é{a="b"} 1\n') });
  expect(await ask("/metrics")).toEqual([200, "text/plain; charset=utf-8", 'é{a="b"} 1\n']);
});

test.each([
  ["GET", "/"],
  ["GET", "/health/"],
  ["GET", "/generate"],
  ["POST", "/generate"],
  ["POST", "/health"],
  ["DELETE", "/metrics"],
])("%s %s is 404", async (method, path) => {
  const { ask } = await start();
  expect((await ask(path, { method, ...(method === "POST" && { body: "x" }) }))[0]).toBe(404);
});

test("a port that is taken is an error", async () => {
  const { server } = await start();
  await expect(start({ port: server.port })).rejects.toMatchObject({ code: "EADDRINUSE" });
});

test("closing drops connections that are waited on, and frees the port", async () => {
  const { server, ask } = await start({ isHealthy: never });
  const waiting = ask("/health").catch((error: unknown) => error);
  await server.close();
  expect(await waiting).toBeInstanceOf(TypeError);
  const again = await start({ port: server.port });
  expect((await again.ask("/health"))[0]).toBe(200);
});
