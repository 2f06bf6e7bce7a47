import { fastify } from "fastify";
import OpenAI from "openai";
import { afterEach, beforeEach, expect, onTestFinished, test } from "vitest";
import type { HttpApi, Refusal } from "../../../../src/api/http/api.js";
import { openAiApi } from "../../../../src/api/http/openai/index.js";
import { ask, serveScript } from "../../../support/http-texts.js";

let server: Awaited<ReturnType<typeof serveScript>>;
let api: HttpApi;

beforeEach(async () => {
  server = await serveScript((given) => [(api = openAiApi({ ...given, version: "1" }))]);
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

test.each<[Refusal, new (...given: never[]) => Error, object]>([
  [
    { status: 401, message: "no key" },
    OpenAI.AuthenticationError,
    errorOf("no key", "invalid_request_error", "invalid_api_key"),
  ],
  [
    { status: 503, message: "shutting down" },
    OpenAI.InternalServerError,
    errorOf("shutting down", "service_unavailable_error"),
  ],
])("a server's own refusal is worded as OpenAI's client expects it: %o", async (refusal, thrown, body) => {
  const app = fastify();
  app.addHook("onRequest", async (request, reply) =>
    reply.code(refusal.status).send(request.server.wordRefusal?.(refusal) ?? { detail: refusal.message }),
  );
  await app.register(async (scope) => api(scope));
  app.get("/elsewhere", () => "");
  const url = await app.listen({ host: "127.0.0.1", port: 0 });
  onTestFinished(async () => app.close());
  await expect(clientOf(url).models.list()).rejects.toThrow(thrown);
  for (const path of ["/v1/models", "/openai/v1/models", "/v1/unheard-of"]) {
    expect(await ask(`${url}${path}`)).toMatchObject({ status: refusal.status, body });
  }
  expect((await ask(`${url}/elsewhere`)).body).toEqual({ detail: refusal.message });
});
