/** The Open Inference Protocol v2 over REST, with its extension for text generation. */
import type { FastifyInstance } from "fastify";
import { foldEvents } from "../../fold.js";
import { infer, inferSchema, readInferRequest } from "../../open-inference/infer.js";
import { modelMetadata, serverMetadata, wordUnknownModel, wordVersioned } from "../../open-inference/metadata.js";
import { toEngineRequest } from "../../open-inference/parameters.js";
import { abortSignalOf, type HttpApi, type Refusal } from "../api.js";
import { callerOf } from "../caller.js";
import { begun, sendEvents } from "../stream-answer.js";
import type { TextApiOptions } from "../text-model.js";
import { generateStatuses, inferStatuses, OpenInferenceError, toOpenInferenceError, type Statuses } from "./errors.js";
import { generateSchema, readGenerateBody, toGenerateParts, toGenerateResult, type ModelName } from "./generate.js";

export interface OpenInferenceOptions extends TextApiOptions {
  /** `sha256:...` over the model's files; undefined until they were read. */
  readonly modelDigest?: (() => string | undefined) | undefined;
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
    app.decorate("wordRefusal", ({ message }: Refusal) => ({ error: message }));
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

const serverRoutes: Routes = (app, { current, version, isReady }) => {
  app.get("/v2", () => serverMetadata(version));
  app.get("/v2/health/live", () => ({ live: true }));
  app.get("/v2/health/ready", (_, reply) => {
    const ready = isReady();
    return reply.code(ready ? 200 : 503).send({ ready, live: ready }); // the protocol's text and its servers disagree
  });
  app.get("/v2/models", () => ({ models: [current().model.id] }));
};

const modelRoutes: Routes = (app, options) => {
  const { current, modelDigest, isReady } = options;
  for (const path of ["/v2/models/:name", "/v2/models/:name/versions/:version"]) {
    app.get<ModelRoute>(path, ({ params }) => {
      checkUnversioned(params, options);
      return modelMetadata(current().model.id, modelDigest?.());
    });
    app.get<ModelRoute>(`${path}/ready`, ({ params }, reply) => {
      checkUnversioned(params, options);
      const ready = isReady();
      return reply.code(ready ? 200 : 503).send({ name: current().model.id, ready });
    });
    app.post<ModelRoute>(`${path}/infer`, { schema: { body: inferSchema } }, async (request) => {
      checkUnversioned(request.params, options);
      const { engine, model } = current();
      const asked = readInferRequest(request.body);
      const outputs = await infer(asked, engine, abortSignalOf(request), callerOf(request, "single"));
      return { model_name: model.id, ...(asked.id !== undefined && { id: asked.id }), outputs };
    });
  }
};

const generateRoutes: Routes = (app, options) => {
  const { current, log } = options;
  const schema = { body: generateSchema };
  for (const path of ["/v2/models/:name", "/v2/models/:name/versions/:version"]) {
    app.post<ModelRoute>(`${path}/generate`, { schema }, async (request) => {
      const { engine, model } = current();
      const name = modelNameOf(request.params, options);
      const body = readGenerateBody(request.body);
      const asked = toEngineRequest(body.text_input, body.parameters, engine.limits);
      const events = engine.generate(asked, abortSignalOf(request), callerOf(request, "single"));
      return toGenerateResult(await foldEvents(events), body, name, model);
    });
    app.post<ModelRoute>(`${path}/generate_stream`, { schema }, async (request, reply) => {
      const { engine, model } = current();
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
function modelNameOf({ name, version }: ModelRoute["Params"], { current }: OpenInferenceOptions): ModelName {
  const { model } = current();
  if (name !== model.id) throw new OpenInferenceError(404, wordUnknownModel(name, model.id));
  return { model_name: name, ...(version !== undefined && { model_version: version }) };
}

/** @throws {OpenInferenceError} 404 for another model, 501 where a version is named. */
function checkUnversioned(params: ModelRoute["Params"], options: OpenInferenceOptions): void {
  const { model_version: version } = modelNameOf(params, options);
  if (version !== undefined) throw new OpenInferenceError(501, wordVersioned(version));
}

async function* eventsOf(parts: AsyncIterable<unknown>): AsyncGenerator<string> {
  for await (const part of parts) yield eventOf(part);
}

const eventOf = (value: unknown): string => `data: ${JSON.stringify(value)}\n\n`;
