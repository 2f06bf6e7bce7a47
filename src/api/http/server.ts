import type { RequestListener } from "node:http";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import type { SecureContextOptions } from "node:tls";
import { fastify, type FastifyInstance, type FastifyReply, type FastifyRequest, type RawServerDefault } from "fastify";
import { CancelledError, UnavailableError } from "../../errors.js";
import { ActiveCalls } from "../active-calls.js";
import { noKeyText, type ApiKeys } from "../api-keys.js";
import type { Logger } from "../log.js";
import type { TlsCertificates, TlsMaterial } from "../tls.js";
import { sendJson } from "./answer.js";
import { setAbortSignal, type HttpApi } from "./api.js";

export interface HttpServerOptions {
  /** Address to listen on: `0.0.0.0`, `::`, `127.0.0.1`, ... */
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  readonly apis: readonly HttpApi[];
  readonly log: Logger;
  /** Without it the port is plain. */
  readonly tls?: TlsCertificates | undefined;
  /** What requests must show one of, but for those for health; without it everyone may ask. */
  readonly apiKeys?: ApiKeys | undefined;
}

export interface HttpServer {
  /** The port that is listened on. */
  readonly port: number;
  /**
   * Ends the server in order: new requests are answered 503, running ones may finish (their clients have been sent
   * everything) within `graceMs` and are cancelled then; at last the port and all connections close.
   */
  drain(graceMs: number): Promise<void>;
  /** Drops every request and connection at once. */
  forceStop(): void;
}

/** How long a cancelled request may take to end by itself. */
const closingMs = 1000;

/** For the client to send its request: a slow sender does not hold a connection for ever. */
const requestTimeoutMs = 60_000;
/** Longer than balancers keep idle connections, so that none sends just when we close. */
const keepAliveMs = 72_000;

const serverOptions = {
  bodyLimit: 4 * 1024 * 1024, // as over gRPC
  requestTimeout: requestTimeoutMs,
  keepAliveTimeout: keepAliveMs,
  forceCloseConnections: "idle",
  exposeHeadRoutes: false,
} as const;

/**
 * Serves `apis` over HTTP/1.1 on one port.
 * @throws {Error} when the port cannot be bound, or when two APIs claim the same route.
 */
export async function startHttpServer({ host, port, apis, log, tls, apiKeys }: HttpServerOptions): Promise<HttpServer> {
  const app = fastify<RawServerDefault>({
    ...serverOptions,
    frameworkErrors: (_error, _request, reply) => answerUnroutable(reply),
    ...(tls !== undefined && { serverFactory: (listener: RequestListener) => createTlsServer(tls, listener) }),
  });
  const calls = new ActiveCalls();
  app.addHook("onRequest", (request, reply, done) => {
    setOwnHeaders(reply);
    if (!isPermitted(request, apiKeys)) refuseWithoutKey(reply);
    else if (openCall(calls, request, reply)) done();
    else refuse(reply);
  });
  answerWhatNoApiKnows(app, log);
  for (const api of apis) await app.register(async (scope) => api(scope));
  await app.listen({ host, port });
  return {
    port: (app.server.address() as AddressInfo).port, // listening on TCP: an object
    drain: async (graceMs) => {
      calls.refuseNew();
      await calls.waitUntilIdle(graceMs);
      calls.abortAll();
      await calls.waitUntilIdle(closingMs);
      app.server.closeAllConnections();
      await app.close();
    },
    forceStop: () => {
      calls.abortAll();
      app.server.closeAllConnections();
      void app.close();
    },
  };
}

/** Its certificates are always the newest; connections that are open keep those that they began with. */
function createTlsServer(tls: TlsCertificates, listener: RequestListener): Server {
  const timeouts = { requestTimeout: requestTimeoutMs, keepAliveTimeout: keepAliveMs };
  const server = createServer(
    {
      ...timeouts,
      ...contextOf(tls.material),
      requestCert: tls.material.clientCa !== undefined,
      rejectUnauthorized: true, // those that are asked for a certificate
    },
    listener,
  );
  const stop = tls.onChange((material) => server.setSecureContext(contextOf(material)));
  return server.once("close", stop);
}

function contextOf({ cert, key, clientCa }: TlsMaterial): SecureContextOptions {
  return { cert, key, minVersion: "TLSv1.2", ...(clientCa !== undefined && { ca: clientCa }) };
}

/** Header names are lower case on the wire, also of those that Node would add in capitals. */
function setOwnHeaders({ raw, request }: FastifyReply): void {
  raw.setHeader("date", new Date().toUTCString());
  if (!raw.shouldKeepAlive) raw.setHeader("connection", "close");
  else if (request.raw.httpVersion === "1.0") raw.setHeader("connection", "keep-alive");
  else raw.removeHeader("connection"); // HTTP/1.1 keeps it open without being told
}

/** Probes have no key. These are routes and not paths, so that no spelling of a path leads around the keys. */
const healthRoutes = new Set(["/health", "/v2/health/live", "/v2/health/ready"]);

function isPermitted({ routeOptions, headers }: FastifyRequest, apiKeys: ApiKeys | undefined): boolean {
  return apiKeys === undefined || healthRoutes.has(routeOptions.url ?? "") || apiKeys.permits(headers.authorization);
}

function refuseWithoutKey(reply: FastifyReply): void {
  sendJson(reply.header("www-authenticate", "Bearer"), 401, JSON.stringify({ detail: noKeyText }));
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

function refuse(reply: FastifyReply): void {
  sendJson(reply.header("connection", "close"), 503, `{"detail":"the server is shutting down"}`);
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
    log.error("request failed", { path: request.routeOptions.url, error });
    return sendJson(reply, 500, `{"detail":"Internal Server Error"}`);
  });
}
