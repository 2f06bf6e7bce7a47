/**
 * TGIS's HTTP port: health and metrics, always plain HTTP. A server of its own, without the framework of the other
 * HTTP APIs: it must answer when those are busy, off, or guarded by keys.
 */
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { performance } from "node:perf_hooks";
import { InternalError } from "../../../errors.js";
import type { Logger } from "../../log.js";

export interface HealthServerOptions {
  /** Address to listen on. */
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  readonly isHealthy: () => Promise<boolean>;
  /** The metrics in Prometheus' text format. */
  readonly exposition: () => Promise<string>;
  readonly log: Logger;
  /** After so long a check is answered as timed out: 60,000. */
  readonly healthTimeoutMs?: number;
}

export interface HealthServer {
  /** The port that is listened on. */
  readonly port: number;
  /** Stops listening and drops every connection. */
  close(): Promise<void>;
}

interface Answer {
  readonly status: number;
  readonly type?: string;
  readonly body?: string;
}

type Route = () => Promise<Answer>;

/** What TGIS answers with; it does not name the format's version. */
const metricsType = "text/plain; charset=utf-8";
const defaultHealthTimeoutMs = 60_000;

/**
 * Answers `GET /health` and `GET /metrics`; anything else is 404.
 * @throws {Error} when the port cannot be bound.
 */
export async function startHealthServer(options: HealthServerOptions): Promise<HealthServer> {
  const { host, port, isHealthy, exposition, log, healthTimeoutMs = defaultHealthTimeoutMs } = options;
  const routes = new Map<string, Route>([
    ["/health", async () => checkHealth(isHealthy, healthTimeoutMs)],
    ["/metrics", async () => ({ status: 200, type: metricsType, body: await exposition() })],
  ]);
  const server = createServer((request, response) => void answer(routes, request, response, log));
  server.listen(port, host);
  await once(server, "listening");
  return { port: portOf(server), close: async () => close(server) };
}

/** Never rejects: an error becomes a 500 and a line in the log. */
async function answer(
  routes: ReadonlyMap<string, Route>,
  request: IncomingMessage,
  response: ServerResponse,
  log: Logger,
): Promise<void> {
  const path = request.url?.split("?")[0] ?? "";
  const route = request.method === "GET" || request.method === "HEAD" ? routes.get(path) : undefined;
  request.resume(); // a body is of no interest, but it must not hold the connection up
  const beganMs = performance.now();
  const warnOfLeaving = (): void => {
    if (!response.writableFinished) log.warn("abandoned by its client", { path, afterMs: performance.now() - beganMs });
  };
  response.once("close", warnOfLeaving);
  try {
    send(response, route === undefined ? { status: 404 } : await route());
  } catch (error) {
    log.error("a health or metrics request failed", { path, error });
    send(response, { status: 500 });
  }
}

function send(response: ServerResponse, { status, type, body = "" }: Answer): void {
  if (type !== undefined) response.setHeader("content-type", type);
  response.statusCode = status;
  response.setHeader("content-length", Buffer.byteLength(body));
  response.end(body);
}

async function checkHealth(isHealthy: () => Promise<boolean>, timeoutMs: number): Promise<Answer> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<"timed out">((resolve) => {
    timer = setTimeout(() => resolve("timed out"), timeoutMs);
  });
  try {
    const health = await Promise.race([isHealthy(), timeout]);
    if (health === "timed out") return failure("Healthcheck timed-out");
    return health ? { status: 200 } : failure("unhealthy");
  } finally {
    clearTimeout(timer);
  }
}

function failure(error: string): Answer {
  return { status: 503, type: "application/json", body: JSON.stringify({ error }) };
}

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === "string") throw new InternalError("the server has no port");
  return address.port;
}

async function close(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeAllConnections();
  await closed;
}
