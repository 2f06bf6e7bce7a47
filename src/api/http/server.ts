import type { RequestListener } from "node:http";
import { fastify, type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import { CancelledError, UnavailableError } from "../../errors.js";
import { ActiveCalls } from "../active-calls.js";
import { noKeyText, type ApiKeys } from "../api-keys.js";
import { ConnectionCount } from "../connection-count.js";
import { defaultLimits, type Limits } from "../limits.js";
import { listen } from "../listener.js";
import type { Logger } from "../log.js";
import type { ApiObserver } from "../observer.js";
import type { TlsCertificates } from "../tls.js";
import { sendJson } from "./answer.js";
import { setAbortSignal, type HttpApi, type Refusal } from "./api.js";
import { docsRoutes } from "./docs/index.js";
import { observeRequests } from "./observed.js";
import { createHttp1, type Http1 } from "./http1.js";
import { refusedBeforeUs } from "./told-errors.js";

export interface HttpOptions {
  readonly apis: readonly HttpApi[];
  readonly log: Logger;
  /** Is told of every request. */
  readonly observer?: ApiObserver | undefined;
  /** What requests must show one of, but for those for health; without it everyone may ask. */
  readonly apiKeys?: ApiKeys | undefined;
  readonly limits?: Limits | undefined;
  /** Answers some requests before the APIs see them; false leaves one to them. */
  readonly answerFirst?: ((...request: Parameters<RequestListener>) => boolean) | undefined;
}

/** Requests over whatever connections they come. */
export interface HttpRequests extends Http1 {
  /** Answers a request that came another way than over `accept`. */
  readonly answer: RequestListener;
  /**
   * Ends the requests in order: new ones are answered 503, running ones may finish (their clients have been sent
   * everything) within `graceMs` and are cancelled then.
   */
  drain(graceMs: number): Promise<void>;
}

/** How long a cancelled request may take to end by itself. */
const closingMs = 1000;

/**
 * Serves `apis` over HTTP.
 * @throws {Error} when two APIs claim the same route.
 */
export async function createHttpRequests(options: HttpOptions): Promise<HttpRequests> {
  const { apis, log, observer, apiKeys, limits = defaultLimits, answerFirst } = options;
  let answerByApi: RequestListener = () => undefined;
  const answer: RequestListener = (...request) => {
    if (answerFirst?.(...request) !== true) answerByApi(...request);
  };
  const http1 = createHttp1(answer, limits);
  const app = fastify({
    bodyLimit: limits.maxBodyBytes,
    exposeHeadRoutes: false,
    frameworkErrors: (_error, _request, reply) => answerUnroutable(reply),
    serverFactory: (listener: RequestListener) => {
      answerByApi = listener;
      return http1.server;
    },
  });
  if (observer !== undefined) observeRequests(app, observer);
  const calls = new ActiveCalls();
  app.addHook("onRequest", (request, reply, done) => {
    setOwnHeaders(reply);
    if (!isPermitted(request, apiKeys)) refuse(reply.header("www-authenticate", "Bearer"), noKey);
    else if (openCall(calls, request, reply)) done();
    else refuse(reply.header("connection", "close"), shuttingDown);
  });
  refuseLargeBodies(app, limits);
  answerWhatNoApiKnows(app, log);
  for (const api of apis) await app.register(async (scope) => api(scope));
  await app.ready();
  return {
    accept: http1.accept,
    answer,
    drain: async (graceMs) => {
      calls.refuseNew();
      await calls.waitUntilIdle(graceMs);
      calls.abortAll();
      await calls.waitUntilIdle(closingMs);
    },
    forceStop: () => {
      calls.abortAll();
      http1.forceStop();
      void app.close();
    },
  };
}

export interface HttpServerOptions extends HttpOptions {
  /** Address to listen on: `0.0.0.0`, `::`, `127.0.0.1`, ... */
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  /** Without it the port is plain. */
  readonly tls?: TlsCertificates | undefined;
  /** Counts the connections of all ports. */
  readonly connections?: ConnectionCount | undefined;
}

export interface HttpServer {
  /** The port that is listened on. */
  readonly port: number;
  /** Ends the requests as {@link HttpRequests} does; at last the port and all connections close. */
  drain(graceMs: number): Promise<void>;
  /** Drops every request and connection at once. */
  forceStop(): void;
}

/**
 * Serves `apis` over HTTP/1.1 on a port of their own.
 * @throws {Error} when the port cannot be bound, or when two APIs claim the same route.
 */
export async function startHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const { limits = defaultLimits, connections = new ConnectionCount(limits.maxConnections, options.log) } = options;
  const requests = await createHttpRequests(options);
  const listener = await listen({ ...options, limits, connections }, { http1: requests.accept });
  const close = async (): Promise<void> => {
    const closed = listener.close();
    requests.forceStop();
    await closed;
  };
  return {
    port: listener.port,
    drain: async (graceMs) => {
      await requests.drain(graceMs);
      await close();
    },
    forceStop: () => void close(),
  };
}

/** Header names are lower case on the wire, also of those that Node would add in capitals. */
function setOwnHeaders({ raw, request }: FastifyReply): void {
  raw.setHeader("date", new Date().toUTCString());
  if (!raw.shouldKeepAlive) raw.setHeader("connection", "close");
  else if (request.raw.httpVersion === "1.0") raw.setHeader("connection", "keep-alive");
  else raw.removeHeader("connection"); // HTTP/1.1 keeps it open without being told
}

/**
 * Probes have no key, and a browser none to show when it opens the documentation. These are routes and not paths, so
 * that no spelling of a path leads around the keys.
 */
const openRoutes = new Set(["/health", "/v2/health/live", "/v2/health/ready", ...docsRoutes]);

function isPermitted({ routeOptions, headers }: FastifyRequest, apiKeys: ApiKeys | undefined): boolean {
  return apiKeys === undefined || openRoutes.has(routeOptions.url ?? "") || apiKeys.permits(headers.authorization);
}

/** @returns false when the server takes no more requests. */
function openCall(calls: ActiveCalls, request: FastifyRequest, reply: FastifyReply): boolean {
  const call = new AbortController();
  setAbortSignal(request, call.signal);
  try {
    calls.open(call, false);
  } catch (error) {
    if (error instanceof UnavailableError) return false;
    throw error;
  }
  reply.raw.once("close", () => {
    if (!reply.raw.writableFinished) call.abort(new CancelledError("the client went away"));
    calls.close(call);
  });
  return true;
}

const noKey: Refusal = { status: 401, message: noKeyText };
const shuttingDown: Refusal = { status: 503, message: "the server is shutting down" };

/** The API whose path it is words it; elsewhere it has the shape of an unknown path. */
function refuse(reply: FastifyReply, refusal: Refusal): void {
  const words = reply.request.server.wordRefusal?.(refusal) ?? { detail: refusal.message };
  sendJson(reply, refusal.status, JSON.stringify(words));
}

/** A refusal with a status of its own, which each API words as it does those of fastify. */
class BodyTooLarge extends Error {
  readonly statusCode = 413;
}

/** Says the limit to those who say the length; a body without one that grows too large meets fastify's own refusal. */
function refuseLargeBodies(app: FastifyInstance, { maxBodyBytes }: Limits): void {
  app.addHook("preParsing", (request, _reply, payload, done) => {
    const isTooLarge = Number(request.headers["content-length"]) > maxBodyBytes;
    const text = `the body must have at most ${maxBodyBytes} bytes (--max-body-bytes)`;
    if (isTooLarge) done(new BodyTooLarge(text));
    else done(null, payload);
  });
}

/** A path that is no URL leads nowhere, either; hooks and handlers never see it. */
function answerUnroutable(reply: FastifyReply): void {
  setOwnHeaders(reply);
  answerNotFound(reply);
}

function answerNotFound(reply: FastifyReply): FastifyReply {
  return sendJson(reply, 404, `{"detail":"Not Found"}`);
}

/** The answers to unknown routes, and to an error that an API did not word. */
function answerWhatNoApiKnows(app: FastifyInstance, log: Logger): void {
  app.setNotFoundHandler((_request, reply) => answerNotFound(reply));
  app.setErrorHandler((error, request, reply) => {
    const refusal = refusedBeforeUs(error);
    if (refusal !== undefined) return sendJson(reply, refusal.status, JSON.stringify({ detail: refusal.message }));
    log.error("request failed", { path: request.routeOptions.url, error });
    return sendJson(reply, 500, `{"detail":"Internal Server Error"}`);
  });
}
