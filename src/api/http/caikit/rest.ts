import { status } from "@grpc/grpc-js";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { toEngineRequest } from "../../caikit/engine-request.js";
import { caikitEvents } from "../../caikit/generate.js";
import type { KnownModels } from "../../caikit/models.js";
import { StatusError } from "../../errors.js";
import type { Current } from "../../current.js";
import { foldEvents } from "../../fold.js";
import type { Logger } from "../../log.js";
import type { TextEngine } from "../../text-engine.js";
import { sendJson } from "../answer.js";
import { callerOf } from "../caller.js";
import { abortSignalOf, type HttpApi } from "../api.js";
import { sayModelId } from "../observed.js";
import { EventStream } from "../sse.js";
import { DetailError, errorJson, validationJson, ValidationError, wordRefusal } from "./errors.js";
import { addInfoRoutes } from "./info.js";
import { readBody } from "./read-body.js";
import { StreamResults, tokenizationResult, unaryResult } from "./results.js";
import { addRoute } from "./route.js";
import type { Schema } from "./schema.js";
import { streamBody, tokenizationBody, unaryBody, type TaskBody } from "./task-body.js";

export interface CaikitRestOptions {
  readonly current: Current<{ readonly engine: TextEngine }>;
  readonly models: KnownModels;
  /** Time limit of one generation in milliseconds (`tgis_request_timeout`, there in seconds: 60); 0 = none. */
  readonly requestTimeoutMs: number;
  readonly log: Logger;
  /** What `/info/version` calls the runtime's version (`runtime.version_info.runtime_image`); empty by default. */
  readonly runtimeVersion?: string;
  /** How often a stream shows that it is alive; 15 s by default, as in the original. */
  readonly pingIntervalMs?: number;
}

/** Caikit's REST API: the three tasks, health, info and the document that describes them. */
export function caikitRest(options: CaikitRestOptions): HttpApi {
  const { models, runtimeVersion = "", log } = options;
  return (app) => {
    takeBodiesAsBytes(app);
    app.setErrorHandler((error, request, reply) => answerError(error, request, reply, log));
    app.decorate("wordRefusal", wordRefusal);
    addRoute(app, "GET", "/health", (_request, reply) => reply.send("OK"));
    addInfoRoutes(app, models, runtimeVersion);
    addTaskRoutes(app, options);
  };
}

/** What a content type means is for `readBody` to say: fastify's own parsers know neither its texts nor big integers. */
function takeBodiesAsBytes(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", { parseAs: "buffer" }, (_request, body, done) => done(null, body));
}

function addTaskRoutes(
  app: FastifyInstance,
  { current, models, requestTimeoutMs, log, pingIntervalMs }: CaikitRestOptions,
): void {
  const generate = (body: TaskBody, kind: "unary" | "stream", request: FastifyRequest) => {
    const text = textOf(body, models, kind === "unary" ? "run" : "run_stream_out");
    const asked = toEngineRequest(text, body.parameters);
    const caller = callerOf(request, kind === "unary" ? "single" : "stream");
    const call = { kind, signal: abortSignalOf(request), timeoutMs: requestTimeoutMs, caller };
    return { asked, events: caikitEvents(current().engine, asked, call) };
  };

  addRoute(app, "POST", "/api/v1/task/text-generation", async (request, reply) => {
    const body = bodyOf(request, unaryBody);
    const { asked, events } = generate(body, "unary", request);
    const result = unaryResult(await foldEvents(events), asked.seed, models.served.producer);
    return sendJson(reply, 200, result);
  });

  addRoute(app, "POST", "/api/v1/task/server-streaming-text-generation", async (request, reply) => {
    const body = bodyOf(request, streamBody);
    const stream = openStream(reply, pingIntervalMs);
    const results = new StreamResults();
    try {
      for await (const event of generate(body, "stream", request).events) {
        const drained = stream.send(`event: message\r\ndata: ${results.toJson(event)}\r\n\r\n`);
        if (drained !== undefined) await drained;
      }
      stream.end();
    } catch (error) {
      const { json } = errorJson(error, { kind: "stream", path: request.url, log });
      stream.end(`event: error\r\ndata: ${json}\r\n\r\n`);
    }
  });

  addRoute(app, "POST", "/api/v1/task/tokenization", async (request, reply) => {
    const text = textOf(bodyOf(request, tokenizationBody), models, "run_tokenizer");
    return sendJson(reply, 200, tokenizationResult(current().engine.tokenize(text).length));
  });
}

function bodyOf(request: FastifyRequest, schema: Schema<TaskBody>): TaskBody {
  const { body, headers } = request;
  const read = readBody(Buffer.isBuffer(body) ? body : Buffer.alloc(0), headers["content-type"], schema);
  sayModelId(request, read.modelId);
  return read;
}

/**
 * The text of a task, once the model is known.
 * @param method the original's, which complains that it got no text.
 * @throws {StatusError} INVALID_ARGUMENT without a model id or a text; an empty text counts as none.
 */
function textOf({ modelId, inputs = "" }: TaskBody, models: KnownModels, method: string): string {
  if (modelId === undefined) throw new StatusError(status.INVALID_ARGUMENT, "Please provide model_id in payload");
  models.use(modelId);
  if (inputs !== "") return inputs;
  const text = `TextGenerationTGIS.${method}() missing 1 required positional argument: 'text'`;
  throw new StatusError(status.INVALID_ARGUMENT, text);
}

const streamHeaders = { "cache-control": "no-store", "x-accel-buffering": "no" };

function openStream(reply: FastifyReply, intervalMs = 15_000): EventStream {
  return new EventStream(reply, { headers: streamHeaders, ping: { intervalMs, comment: pingComment } });
}

/** `: ping - 2026-01-31 18:04:17.728000+00:00`, in microseconds as Python has them. */
function pingComment(): string {
  const now = new Date().toISOString().replace("T", " ").replace("Z", "000+00:00");
  return `: ping - ${now}\r\n\r\n`;
}

function answerError(error: unknown, request: FastifyRequest, reply: FastifyReply, log: Logger): FastifyReply {
  if (error instanceof ValidationError) return sendJson(reply, 422, validationJson(error));
  const detail = error instanceof DetailError ? error : frameworkError(error, request);
  if (detail !== undefined) {
    return sendJson(reply, detail.httpStatus, `{"detail":${JSON.stringify(detail.message)}}`);
  }
  const { code, json } = errorJson(error, { kind: "unary", path: request.url, log });
  return sendJson(reply, code, json);
}

/** What fastify itself refuses before a body can be read. */
function frameworkError(error: unknown, { headers }: FastifyRequest): DetailError | undefined {
  const httpStatus = error instanceof Error && "statusCode" in error ? error.statusCode : undefined;
  if (httpStatus === 415) return new DetailError(415, `Unsupported media type: ${headers["content-type"] ?? ""}.`);
  if (httpStatus === 413) return new DetailError(413, "Request body is too large");
  return undefined;
}
