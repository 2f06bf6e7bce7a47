import { Validator } from "@seriousme/openapi-schema-validator";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { inferSchema } from "../../../../src/api/open-inference/infer.js";
import { caikitSection } from "../../../../src/api/http/docs/caikit.js";
import { openApiJson } from "../../../../src/api/http/docs/document.js";
import { openAiSection } from "../../../../src/api/http/docs/openai.js";
import { openInferenceSection } from "../../../../src/api/http/docs/open-inference.js";
import { tgiSection } from "../../../../src/api/http/docs/tgi.js";
import { generateSchema as v2GenerateSchema } from "../../../../src/api/http/open-inference/generate.js";
import { chatCompletionSchema } from "../../../../src/api/http/openai/chat/chat-body.js";
import { completionSchema } from "../../../../src/api/http/openai/completion-body.js";
import { generateSchema as tgiGenerateSchema } from "../../../../src/api/http/tgi/generate-body.js";
import type { HttpAnswer, HttpCall } from "../../../support/http.js";
import { faultsIn, routesOf, serveEachApi, type ApiServers, type Document, type Route } from "./apis.js";

const documentOf = (needsKey: boolean): Document =>
  JSON.parse(openApiJson({ version: "1.2", modelId: "micro-gpt2", needsKey })) as Document;

const document = documentOf(false);
const routes = routesOf(document);
const named = (listed: readonly Route[]): [string, Route][] =>
  listed.map((route) => [`${route.method} ${route.path}`, route]);

let apis: ApiServers;
beforeAll(async () => {
  apis = await serveEachApi();
});
afterAll(async () => apis.stop());

function postTo(path: string): Route {
  const route = routes.find((each) => each.method === "POST" && each.path === path);
  if (route === undefined) throw new Error(`${path} is not described`);
  return route;
}

/** The request that the route's examples make up, with `body` in place of the example's. */
function exampleOf({ method, path, operation, parameters }: Route, body = bodyOf(operation)): HttpCall {
  const filled = parameters.reduce((url, { name, example }) => url.replace(`{${name}}`, String(example)), path);
  const own = operation.parameters ?? [];
  const inPath = own.filter((parameter) => parameter.in === "path");
  const url = inPath.reduce((rest, { name, example }) => rest.replace(`{${name}}`, String(example)), filled);
  const query = own
    .filter((parameter) => parameter.in === "query")
    .map(({ name, example }) => `${name}=${String(example)}`);
  const headers = { "content-type": "application/json" };
  const asked = { method, path: query.length === 0 ? url : `${url}?${query.join("&")}` };
  return body === undefined ? asked : { ...asked, headers, body: JSON.stringify(body) };
}

function bodyOf({ requestBody }: Route["operation"]): unknown {
  return requestBody?.content["application/json"].example;
}

async function call({ operation }: Route, asked: HttpCall): Promise<HttpAnswer> {
  return apis.serverOf(operation.tags[0] ?? "none").call(asked);
}

/** What the document does not allow in an answer: its status, its content type, its body or the data of its events. */
async function faultsOf({ status, headers, body }: HttpAnswer, { operation }: Route): Promise<string[]> {
  const type = headers["content-type"]?.split(";")[0] ?? "none";
  const described = operation.responses[status]?.content[type];
  if (described === undefined) return [`${status} ${type} is not described`];
  const values = type === "text/event-stream" ? dataOf(body) : [type === "text/plain" ? body : JSON.parse(body)];
  return faultsIn(values, described.schema, document);
}

function dataOf(events: string): unknown[] {
  const data = Array.from(events.matchAll(/^data: ?(.*?)\r?$/gm), ([, each = ""]) => each);
  return data.filter((each) => each !== "[DONE]").map((each): unknown => JSON.parse(each));
}

describe.each([false, true])("when an API key is needed: %s", (needsKey) => {
  test("the document is valid OpenAPI 3.1", async () => {
    const { openapi } = documentOf(needsKey) as unknown as { readonly openapi: string };
    const validation = await new Validator().validate({ ...documentOf(needsKey) });
    expect([openapi, validation.errors ?? [], validation.valid]).toEqual(["3.1.0", [], true]);
  });
});

test("every reference leads to a schema", () => {
  const references = Array.from(JSON.stringify(document).matchAll(/"\$ref":"([^"]*)"/g), ([, reference]) => reference);
  const known = new Set(Object.keys(document.components.schemas).map((name) => `#/components/schemas/${name}`));
  expect(references.length).toBeGreaterThan(50);
  expect(references.filter((reference) => !known.has(reference ?? ""))).toEqual([]);
});

test("the document has every route of the APIs, and the APIs every route of the document", () => {
  const asOpenApi = apis.registered.map((route) => route.replace(/:(\w+)/g, "{$1}").replace("*", "{id}"));
  expect(routes.map(({ method, path }) => `${method} ${path}`).sort()).toEqual(asOpenApi.sort());
});

test("no two APIs have a schema of the same name", () => {
  const sections = [caikitSection("tiny"), openAiSection("tiny"), tgiSection, openInferenceSection("tiny")];
  const names = sections.flatMap(({ schemas }) => Object.keys(schemas));
  expect(new Set(names).size).toBe(names.length);
});

test("every operation has an id of its own, an API, a summary and a description", () => {
  const operations = Object.values(document.paths).flatMap(({ get, post }) =>
    [get, post].filter((each) => each != null),
  );
  const ids = new Set(operations.map(({ operationId }) => operationId));
  expect(ids.size).toBe(operations.length);
  const incomplete = operations.filter(
    ({ tags, summary, description }) => tags.length !== 1 || !summary || !description,
  );
  expect(incomplete).toEqual([]);
});

test("requests are described by the schemas that validate them", () => {
  const inJson = (schema: object): unknown => JSON.parse(JSON.stringify(schema));
  expect(document.components.schemas).toMatchObject({
    CompletionRequest: inJson(completionSchema),
    ChatCompletionRequest: inJson(chatCompletionSchema),
    TgiGenerateRequest: inJson(tgiGenerateSchema),
    V2GenerateRequest: inJson(v2GenerateSchema),
    V2InferRequest: inJson(inferSchema),
  });
});

const refused = routes.filter(({ operation }) => operation.summary.startsWith("Refused"));
const served = routes.filter((route) => !refused.includes(route));

test.each(named(served))("the example of %s is answered 200, with what the document says", async (_, route) => {
  const answer = await call(route, exampleOf(route));
  expect(answer.status).toBe(200);
  expect(await faultsOf(answer, route)).toEqual([]);
});

test.each(named(refused))("%s is refused as the document says", async (_, route) => {
  const answer = await call(route, exampleOf(route));
  expect(answer.status).toBe(501);
  expect(await faultsOf(answer, route)).toEqual([]);
});

const withDetails: [string, object][] = [
  ["/api/v1/task/text-generation", { input_tokens: false, generated_tokens: true, token_logprobs: true }],
  ["/generate", { details: true, decoder_input_details: true, top_n_tokens: 2 }],
  ["/generate_stream", { details: true, top_n_tokens: 2, do_sample: true }],
  ["/v2/models/{name}/generate", { details: true }],
  ["/v2/models/{name}/generate_stream", { details: true }],
];

test.each(withDetails)("an answer of %s with all its details is as the document says", async (path, parameters) => {
  const route = postTo(path);
  const asked = exampleOf(route, { ...(bodyOf(route.operation) as object), parameters: { ...parameters } });
  const answer = await call(route, asked);
  expect([answer.status, await faultsOf(answer, route)]).toEqual([200, []]);
});

test.each([{ stream: false }, { stream: true, stream_options: { include_usage: true } }])(
  "completions with logprobs and an echo are as the document says: %o",
  async (options) => {
    const route = postTo("/v1/completions");
    const asked = exampleOf(route, { ...(bodyOf(route.operation) as object), ...options, logprobs: 2, echo: true });
    const answer = await call(route, asked);
    expect([answer.status, await faultsOf(answer, route)]).toEqual([200, []]);
  },
);

test.each([{ stream: false }, { stream: true, stream_options: { include_usage: true } }])(
  "a chat with logprobs is as the document says: %o",
  async (options) => {
    const route = postTo("/v1/chat/completions");
    const detailed = { ...(bodyOf(route.operation) as object), ...options, logprobs: true, top_logprobs: 2 };
    const answer = await call(route, exampleOf(route, detailed));
    expect([answer.status, await faultsOf(answer, route)]).toEqual([200, []]);
  },
);

/** Statuses for `{}` and for `[]`. Caikit begins a stream before it looks at anything but the body's shape. */
const refusals: [string, [number, number]][] = [
  ["/api/v1/task/text-generation", [400, 422]],
  ["/api/v1/task/server-streaming-text-generation", [200, 422]],
  ["/api/v1/task/tokenization", [400, 422]],
  ["/v1/completions", [400, 400]],
  ["/openai/v1/completions", [400, 400]],
  ["/v1/chat/completions", [400, 400]],
  ["/generate", [422, 422]],
  ["/generate_stream", [422, 422]],
  ["/", [422, 422]],
  ["/v2/models/{name}/infer", [400, 400]],
  ["/v2/models/{name}/generate", [422, 422]],
  ["/v2/models/{name}/generate_stream", [422, 422]],
];

test.each(refusals)("%s refuses an empty object and a list as the document says", async (path, statuses) => {
  const route = postTo(path);
  const answers = [await call(route, exampleOf(route, {})), await call(route, exampleOf(route, []))];
  expect(answers.map(({ status }) => status)).toEqual(statuses);
  expect((await Promise.all(answers.map((answer) => faultsOf(answer, route)))).flat()).toEqual([]);
});

test("keys are told of when they are needed, and not for probes", () => {
  expect([document.security, document.components.securitySchemes]).toEqual([undefined, undefined]);
  const guarded = documentOf(true);
  expect(guarded).toMatchObject({
    security: [{ apiKey: [] }],
    components: { securitySchemes: { apiKey: { type: "http", scheme: "bearer" } } },
  });
  const described = routesOf(guarded);
  const open = described.filter(({ operation }) => operation.security?.length === 0).map(({ path }) => path);
  expect(open).toEqual(["/health", "/v2/health/live", "/v2/health/ready"]);
  const withoutRefusal = described.filter(({ operation }) => !("401" in operation.responses)).map(({ path }) => path);
  expect(withoutRefusal).toEqual(open);
});
