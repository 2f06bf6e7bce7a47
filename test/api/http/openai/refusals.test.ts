import OpenAI from "openai";
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { ApiKeys } from "../../../../src/api/api-keys.js";
import type { HttpApi } from "../../../../src/api/http/api.js";
import { openAiApi } from "../../../../src/api/http/openai/index.js";
import { startHttpServer, type HttpServer } from "../../../../src/api/http/server.js";
import { ask, serveScript } from "../../../support/http-texts.js";
import { hanging } from "../../../support/scripted-engine.js";
import { until } from "../../../support/settled.js";

let server: Awaited<ReturnType<typeof serveScript>>;
let api: HttpApi;

beforeEach(async () => {
  server = await serveScript((given) => [(api = openAiApi(given))]);
});
afterEach(async () => server.stop());

const clientOf = (url: string): OpenAI => new OpenAI({ baseURL: `${url}/v1`, apiKey: "none", maxRetries: 0 });

const errorOf = (message: string, type = "invalid_request_error", code: string | null = null) => ({
  error: { message, type, param: null, code },
});

test("an unknown route is not found, under both prefixes and with any method", async () => {
  const { url } = server;
  expect(await ask(`${url}/v1/edits?a=b`, {})).toMatchObject({
    status: 404,
    body: errorOf("Invalid URL (POST /v1/edits)"),
  });
  expect(await ask(`${url}/openai/v1/completions`)).toMatchObject({
    status: 404,
    body: errorOf("Invalid URL (GET /openai/v1/completions)"),
  });
  await expect(clientOf(url).embeddings.create({ model: "m", input: "a" })).rejects.toThrow(OpenAI.NotFoundError);
  expect(await ask(`${url}/elsewhere`)).toMatchObject({ status: 404, body: { detail: "Not Found" } });
});

test("a body that is too large, or of another content type, is refused in OpenAI's words", async () => {
  const large = await ask(`${server.url}/v1/completions`, { prompt: "p".repeat(5 * 2 ** 20) });
  expect(large).toMatchObject({ status: 413, body: errorOf(expect.stringContaining("4194304") as string) });
  const headers = { "content-type": "application/xml" };
  const other = await fetch(`${server.url}/v1/chat/completions`, { method: "POST", headers, body: "<a/>" });
  expect(other.status).toBe(415);
  expect(await other.json()).toEqual(errorOf("Unsupported Media Type"));
});

describe("what the server refuses before this API sees it is worded as OpenAI's client expects", () => {
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined };

  async function serveAlone(apiKeys?: ApiKeys): Promise<HttpServer & { readonly url: string }> {
    const alone = await startHttpServer({ host: "127.0.0.1", port: 0, apis: [api], log, apiKeys });
    onTestFinished(() => alone.forceStop());
    return { ...alone, url: `http://127.0.0.1:${alone.port}` };
  }

  const paths = ["/v1/models", "/openai/v1/models", "/v1/unheard-of"];
  const answersOf = async (url: string): Promise<unknown> =>
    Promise.all(
      [...paths, "/elsewhere"].map(async (path) => {
        const { status, body } = await ask(`${url}${path}`);
        return [status, body];
      }),
    );

  test("a missing key", async () => {
    const { url } = await serveAlone(new ApiKeys(["key-1"]));
    const message = "missing or wrong API key";
    const worded = [401, errorOf(message, "invalid_request_error", "invalid_api_key")];
    expect(await answersOf(url)).toEqual([...paths.map(() => worded), [401, { detail: message }]]);
    await expect(clientOf(url).models.list()).rejects.toThrow(OpenAI.AuthenticationError);
  });

  test("a request that comes while the server shuts down", async () => {
    const alone = await serveAlone();
    server.engine.script = hanging;
    const running = new AbortController();
    const body = { model: "scripted", prompt: "p", stream: true } as const;
    const stream = clientOf(alone.url).completions.create(body, { signal: running.signal });
    await until(() => server.engine.requests.length === 1);
    const drained = alone.drain(60_000);
    const message = "the server is shutting down";
    const worded = [503, errorOf(message, "service_unavailable_error")];
    expect(await answersOf(alone.url)).toEqual([...paths.map(() => worded), [503, { detail: message }]]);
    await expect(clientOf(alone.url).models.list()).rejects.toThrow(OpenAI.InternalServerError);
    running.abort();
    await Promise.allSettled([stream, drained]);
  });
});
