/** The HTTP APIs over one engine, each on a server of its own, and what the document says of them. */
import { fastify } from "fastify";
import { KnownModels } from "../../../../src/api/caikit/models.js";
import type { HttpApi } from "../../../../src/api/http/api.js";
import { caikitRest } from "../../../../src/api/http/caikit/rest.js";
import { openAiApi, openChatPrompts } from "../../../../src/api/http/openai/index.js";
import { openInferenceApi } from "../../../../src/api/http/open-inference/index.js";
import type { TextApiOptions } from "../../../../src/api/http/text-model.js";
import { tgiApi } from "../../../../src/api/http/tgi/index.js";
import { startTestEngine } from "../../../support/engine.js";
import { startApis, type TestHttpServer } from "../../../support/http.js";
import { bare, chatCheckpoint } from "../openai/chat/templates.js";

export interface Described {
  readonly operationId: string;
  readonly tags: readonly string[];
  readonly summary: string;
  readonly description: string;
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly example: unknown }[];
  readonly requestBody?: { readonly content: { readonly "application/json": { readonly example: unknown } } };
  readonly responses: Readonly<Record<string, { readonly content: Readonly<Record<string, { schema: object }>> }>>;
  readonly security?: readonly object[];
}

export interface Document {
  readonly paths: Readonly<
    Record<
      string,
      { readonly get?: Described; readonly post?: Described } & Pick<Described, "parameters"> & {
          readonly servers?: readonly { readonly url: string }[];
        }
    >
  >;
  readonly components: { readonly schemas: Readonly<Record<string, object>>; readonly securitySchemes?: object };
  readonly security?: readonly object[];
}

/** One operation at one of its places. */
export interface Route {
  readonly method: "GET" | "POST";
  /** As the document has it, with parameters in braces. */
  readonly path: string;
  readonly operation: Described;
  readonly parameters: NonNullable<Described["parameters"]>;
}

export function routesOf({ paths }: Document): Route[] {
  return Object.entries(paths).flatMap(([path, { get, post, parameters = [], servers = [{ url: "/" }] }]) =>
    servers.flatMap(({ url }) => {
      const place = { path: url.replace(/\/$/, "") + path, parameters };
      return [
        ...(get ? [{ method: "GET" as const, operation: get, ...place }] : []),
        ...(post ? [{ method: "POST" as const, operation: post, ...place }] : []),
      ];
    }),
  );
}

const producer = { name: "Text Generation", version: "0.1.0" };

/** By the tag of their operations. */
function apisOf(options: TextApiOptions): Readonly<Record<string, HttpApi>> {
  const { current, log } = options;
  const models = new KnownModels(() => ({ id: "micro-gpt2", path: "/models/micro-gpt2", sizeBytes: 4711, producer }));
  return {
    Caikit: caikitRest({ current, models, requestTimeoutMs: 0, log }),
    OpenAI: openAiApi(options),
    TGI: tgiApi({ ...options, version: "1", maxConcurrentRequests: 512 }),
    "Open Inference": openInferenceApi({ ...options, version: "1", isReady: () => true }),
  };
}

export interface ApiServers {
  /** `METHOD /path`, as fastify has them. */
  readonly registered: readonly string[];
  readonly serverOf: (tag: string) => TestHttpServer;
  stop(): Promise<void>;
}

export async function serveEachApi(): Promise<ApiServers> {
  const checkpoint = await chatCheckpoint({ chat_template: bare });
  const testEngine = await startTestEngine(checkpoint.folder, { maxSequenceLength: 96, maxNewTokens: 64 });
  const { engine } = testEngine;
  const model = { ...testEngine.model, id: "micro-gpt2" };
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
  const chatPrompts = await openChatPrompts({ engine, model }, log);
  const apis = Object.entries(apisOf({ current: () => ({ engine, model, chatPrompts }), log }));
  const servers = new Map<string, TestHttpServer>();
  for (const [tag, api] of apis) servers.set(tag, await startApis(() => api));
  const registered = (await Promise.all(apis.map(([, api]) => registeredBy(api)))).flat();
  return {
    registered,
    serverOf: (tag) => {
      const server = servers.get(tag);
      if (server === undefined) throw new Error(`no API has the tag ${tag}`);
      return server;
    },
    stop: async () => {
      for (const server of servers.values()) server.forceStop();
      await engine.drain(0);
      testEngine[Symbol.dispose]();
      await checkpoint.remove();
    },
  };
}

/** Without the routes for several methods at once: they refuse and redirect as the original's framework does. */
async function registeredBy(api: HttpApi): Promise<string[]> {
  const routes: string[] = [];
  const app = fastify({ exposeHeadRoutes: false });
  app.addHook("onRoute", ({ method, url }) => {
    if (typeof method === "string") routes.push(`${method} ${url}`);
  });
  await app.register(async (scope) => api(scope));
  await app.close();
  return routes;
}

/** What is wrong with the values, by fastify's own validator; empty when nothing is. */
export async function faultsIn(
  values: readonly unknown[],
  schema: object,
  { components }: Document,
): Promise<string[]> {
  const customOptions = { coerceTypes: false, removeAdditional: false, strict: false } as const;
  const app = fastify({ ajv: { customOptions } });
  app.post("/", { schema: { body: { ...schema, components } } }, () => "");
  const headers = { "content-type": "application/json" };
  const payloads = values.map((value) => JSON.stringify(value));
  const answers = await Promise.all(
    payloads.map((payload) => app.inject({ method: "POST", url: "/", headers, payload })),
  );
  return answers.filter(({ statusCode }) => statusCode !== 200).map(({ body }) => body);
}
