/** What the server refuses before an API sees it has the shape that the clients of this API read. */
import { afterEach, beforeEach, expect, onTestFinished, test } from "vitest";
import { ApiKeys } from "../../../src/api/api-keys.js";
import { KnownModels } from "../../../src/api/caikit/models.js";
import type { HttpApi } from "../../../src/api/http/api.js";
import { caikitRest } from "../../../src/api/http/caikit/rest.js";
import { openAiApi } from "../../../src/api/http/openai/index.js";
import { openInferenceApi } from "../../../src/api/http/open-inference/index.js";
import { startHttpServer, type HttpServer } from "../../../src/api/http/server.js";
import { tgiApi } from "../../../src/api/http/tgi/index.js";
import { ask, serveScript } from "../../support/http-texts.js";
import { hanging } from "../../support/scripted-engine.js";
import { until } from "../../support/settled.js";

const producer = { name: "Text Generation", version: "0.1.0" };
const models = new KnownModels(() => ({ id: "scripted", path: "/models/scripted", sizeBytes: 1, producer }));
const log = { info: () => undefined, warn: () => undefined, error: () => undefined };

let script: Awaited<ReturnType<typeof serveScript>>;
let apis: readonly HttpApi[];

beforeEach(async () => {
  script = await serveScript((given) => {
    const options = { ...given, version: "1" };
    return (apis = [
      caikitRest({ ...options, models, requestTimeoutMs: 0 }),
      openAiApi(options),
      tgiApi({ ...options, maxConcurrentRequests: 8 }),
      openInferenceApi({ ...options, isReady: () => true }),
    ]);
  });
});
afterEach(async () => script.stop());

async function serve(apiKeys?: ApiKeys): Promise<HttpServer & { readonly url: string }> {
  const server = await startHttpServer({ host: "127.0.0.1", port: 0, apis, log, apiKeys });
  onTestFinished(() => server.forceStop());
  return { ...server, url: `http://127.0.0.1:${server.port}` };
}

/** Every API's answer to a request that it would take. */
async function answersOf(url: string): Promise<Record<string, readonly [status: number, body: unknown]>> {
  const generate = { inputs: "a" };
  const requests = {
    caikit: ["/api/v1/task/text-generation", { model_id: "m", ...generate }],
    "caikit stream": ["/api/v1/task/server-streaming-text-generation", { model_id: "m", ...generate }],
    openai: ["/v1/completions", { prompt: "a" }],
    tgi: ["/generate", generate],
    "tgi stream": ["/generate_stream", generate],
    "open inference": ["/v2/models/scripted/infer", {}],
    generate: ["/v2/models/scripted/generate", { text_input: "a" }],
    elsewhere: ["/nothing/here", {}],
  } as const;
  const answers = Object.entries(requests).map(async ([api, [path, body]]) => {
    const answer = await ask(url + path, body);
    return [api, [answer.status, answer.body]] as const;
  });
  return Object.fromEntries(await Promise.all(answers));
}

const id: unknown = expect.stringMatching(/^[0-9a-f]{32}$/);

test("a request without a key", async () => {
  const { url } = await serve(new ApiKeys(["key-1"]));
  const message = "missing or wrong API key";
  const caikit = [401, { details: message, code: 401, id }];
  const tgi = [401, { error: message, error_type: "authentication" }];
  const openai = { message, type: "invalid_request_error", param: null, code: "invalid_api_key" };
  expect(await answersOf(url)).toEqual({
    caikit,
    "caikit stream": caikit,
    openai: [401, { error: openai }],
    tgi,
    "tgi stream": tgi,
    "open inference": [401, { error: message }],
    generate: [401, { error: message }],
    elsewhere: [401, { detail: message }],
  });
});

test("a request that comes while the server shuts down", async () => {
  const server = await serve();
  script.engine.script = hanging;
  const running = ask(`${server.url}/generate`, { inputs: "a" });
  await until(() => script.engine.requests.length === 1);
  const drained = server.drain(60_000);
  const message = "the server is shutting down";
  const caikit = [503, { details: message, code: 503, id }];
  const tgi = [503, { error: message, error_type: "unhealthy" }];
  expect(await answersOf(server.url)).toEqual({
    caikit,
    "caikit stream": caikit,
    openai: [503, { error: { message, type: "service_unavailable_error", param: null, code: null } }],
    tgi,
    "tgi stream": tgi,
    "open inference": [503, { error: message }],
    generate: [503, { error: message }],
    elsewhere: [503, { detail: message }],
  });
  server.forceStop();
  await Promise.allSettled([running, drained]);
});
