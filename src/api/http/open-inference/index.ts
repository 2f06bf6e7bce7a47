/** The Open Inference Protocol v2 over REST, with its extension for text generation. */
import type { FastifyInstance, FastifyRequest } from "fastify";
import { foldEvents } from "../../fold.js";
import { abortSignalOf, type HttpApi } from "../api.js";
import { callerOf } from "../caller.js";
import { GenerationGroup } from "../generation-group.js";
import { begun, sendEvents } from "../stream-answer.js";
import type { TextApiOptions } from "../text-model.js";
import { generateStatuses, inferStatuses, OpenInferenceError, toOpenInferenceError, type Statuses } from "./errors.js";
import { generateSchema, readGenerateBody, toGenerateParts, toGenerateResult, type ModelName } from "./generate.js";
import { inferSchema, inputMetadata, outputMetadata, readInferBody, toInferResult, type InferResult } from "./infer.js";
import { toEngineRequest } from "./parameters.js";

export interface OpenInferenceOptions extends TextApiOptions {
  /** Of the server. */
  readonly version: string;
  /** False while it takes no requests. */
  readonly isReady: () => boolean;
}

interface ModelRoute {
  readonly Params: { readonly name: string; readonly version?: string };
}

/** Wrong requests, and what the engine refuses, get the protocol's `error`. */
export function openInferenceApi(options: OpenInferenceOptions): HttpApi {
  return async (app) => {
    app.setValidatorCompiler(() => () => true); // bodies are read by the tables that their schemas are made of
    await app.register(withErrors(options, inferStatuses, serverRoutes));
    await app.register(withErrors(options, inferStatuses, modelRoutes));
    await app.register(withErrors(options, generateStatuses, generateRoutes));
  };
}

type Routes = (app: FastifyInstance, options: OpenInferenceOptions) => void;

function withErrors(options: OpenInferenceOptions, statuses: Statuses, routes: Routes) {
  return (app: FastifyInstance, _: unknown, done: () => void): void => {
    app.setErrorHandler((error, request, reply) => {
      const told = toOpenInferenceError(error, statuses, request.url, options.log);
      return reply.code(told.status).send(told.body);
    });
    routes(app, options);
    done();
  };
}

const serverRoutes: Routes = (app, { model, version, isReady }) => {
  app.get("/v2", () => ({ name: "ortler", version, extensions: ["generate"] }));
  app.get("/v2/health/live", () => ({ live: true }));
  app.get("/v2/health/ready", (_, reply) => {
    const ready = isReady();
    return reply.code(ready ? 200 : 503).send({ ready, live: ready }); // the protocol's text and its servers disagree
  });
  app.get("/v2/models", () => ({ models: [model.id] }));
};

const modelRoutes: Routes = (app, options) => {
  const { model, isReady } = options;
  for (const path of ["/v2/models/:name", "/v2/models/:name/versions/:version"]) {
    app.get<ModelRoute>(path, ({ params }) => {
      checkUnversioned(params, options);
      return { name: model.id, platform: "onnxruntime", inputs: [inputMetadata], outputs: outputMetadata };
    });
    app.get<ModelRoute>(`${path}/ready`, ({ params }, reply) => {
      checkUnversioned(params, options);
      const ready = isReady();
      return reply.code(ready ? 200 : 503).send({ name: model.id, ready });
    });
    app.post<ModelRoute>(`${path}/infer`, { schema: { body: inferSchema } }, async (request) => {
      checkUnversioned(request.params, options);
      return infer(request, options);
    });
  }
};

async function infer(request: FastifyRequest, { engine, model }: OpenInferenceOptions): Promise<InferResult> {
  const body = readInferBody(request.body);
  const texts = body.inputs.flatMap(({ data }) => data);
  const requests = texts.map((text) => toEngineRequest(text, { ...body.parameters, details: false }, engine.limits));
  const group = new GenerationGroup(engine, requests, abortSignalOf(request), callerOf(request, "single"));
  const generations = await group.run(async (all) => Promise.all(all.map(foldEvents)));
  return toInferResult(generations, body, model.id);
}

const generateRoutes: Routes = (app, options) => {
  const { engine, model, log } = options;
  const schema = { body: generateSchema };
  for (const path of ["/v2/models/:name", "/v2/models/:name/versions/:version"]) {
    app.post<ModelRoute>(`${path}/generate`, { schema }, async (request) => {
      const name = modelNameOf(request.params, options);
      const body = readGenerateBody(request.body);
      const asked = toEngineRequest(body.text_input, body.parameters, engine.limits);
      const events = engine.generate(asked, abortSignalOf(request), callerOf(request, "single"));
      return toGenerateResult(await foldEvents(events), body, name, model);
    });
    app.post<ModelRoute>(`${path}/generate_stream`, { schema }, async (request, reply) => {
      const name = modelNameOf(request.params, options);
      const body = readGenerateBody(request.body);
      const asked = toEngineRequest(body.text_input, body.parameters, engine.limits);
      const events = await begun(engine.generate(asked, abortSignalOf(request), callerOf(request, "stream")));
      await sendEvents(reply, eventsOf(toGenerateParts(events, name, model)), (error) =>
        eventOf(toOpenInferenceError(error, generateStatuses, request.url, log).body),
      );
    });
  }
};

/** @throws {OpenInferenceError} 404 for another model than the one that is served. */
function modelNameOf({ name, version }: ModelRoute["Params"], { model }: OpenInferenceOptions): ModelName {
  if (name !== model.id) {
    throw new OpenInferenceError(404, `model "${name}" is not found: this server has "${model.id}"`);
  }
  return { model_name: name, ...(version !== undefined && { model_version: version }) };
}

/** @throws {OpenInferenceError} 404 for another model, 501 where a version is named. */
function checkUnversioned(params: ModelRoute["Params"], options: OpenInferenceOptions): void {
  const { model_version: version } = modelNameOf(params, options);
  if (version === undefined) return;
  throw new OpenInferenceError(501, `model versions are not supported, got version "${version}"`);
}

async function* eventsOf(parts: AsyncIterable<unknown>): AsyncGenerator<string> {
  for await (const part of parts) yield eventOf(part);
}

const eventOf = (value: unknown): string => `data: ${JSON.stringify(value)}\n\n`;
