/** `GET /health` and `GET /metrics`, without the framework of the other HTTP APIs: they answer when those are busy. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { performance } from "node:perf_hooks";
import { noKeyText, type ApiKeys } from "../../api-keys.js";
import type { Logger } from "../../log.js";

export interface HealthOptions {
  readonly isHealthy: () => Promise<boolean>;
  /** Why it is not; "unhealthy" by default. */
  readonly reason?: (() => string) | undefined;
  /** What both answers tell besides; nothing by default. */
  readonly detail?: (() => object | undefined) | undefined;
  /** The metrics in Prometheus' text format. */
  readonly exposition: () => Promise<string>;
  readonly log: Logger;
  /** What those who ask for the metrics must show one of; without it everyone may. */
  readonly apiKeys?: ApiKeys | undefined;
  /** After so long a check is answered as timed out: 60,000. */
  readonly healthTimeoutMs?: number;
}

interface Answer {
  readonly status: number;
  readonly type?: string;
  readonly body?: string;
}

type Route = (request: IncomingMessage) => Promise<Answer>;

/** What TGIS answers with; it does not name the format's version. */
const metricsType = "text/plain; charset=utf-8";
const defaultHealthTimeoutMs = 60_000;

/** @returns what answers a request and returns true, or returns false when the request is for something else. */
export function healthAnswers(options: HealthOptions): (request: IncomingMessage, response: ServerResponse) => boolean {
  const { exposition, log, apiKeys } = options;
  const routes = new Map<string, Route>([
    ["/health", async () => checkHealth(options)],
    [
      "/metrics",
      async ({ headers }) => {
        if (apiKeys?.permits(headers.authorization) === false) return failure(401, noKeyText);
        return { status: 200, type: metricsType, body: await exposition() };
      },
    ],
  ]);
  return (request, response) => {
    const path = request.url?.split("?")[0] ?? "";
    const route = request.method === "GET" || request.method === "HEAD" ? routes.get(path) : undefined;
    if (route === undefined) return false;
    void answer(route, path, request, response, log);
    return true;
  };
}

/** Never rejects: an error becomes a 500 and a line in the log. */
async function answer(
  route: Route,
  path: string,
  request: IncomingMessage,
  response: ServerResponse,
  log: Logger,
): Promise<void> {
  request.resume(); // a body is of no interest, but it must not hold the connection up
  const beganMs = performance.now();
  response.once("close", () => {
    if (!response.writableFinished) log.warn("abandoned by its client", { path, afterMs: performance.now() - beganMs });
  });
  try {
    send(response, await route(request));
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

async function checkHealth({ isHealthy, reason, detail, healthTimeoutMs }: HealthOptions): Promise<Answer> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<"timed out">((resolve) => {
    timer = setTimeout(() => resolve("timed out"), healthTimeoutMs ?? defaultHealthTimeoutMs);
  });
  try {
    const health = await Promise.race([isHealthy(), timeout]);
    if (health === "timed out") return failure(503, "Healthcheck timed-out");
    return health ? success(detail?.()) : failure(503, reason?.() ?? "unhealthy", detail?.());
  } finally {
    clearTimeout(timer);
  }
}

function success(detail: object | undefined): Answer {
  return detail === undefined ? { status: 200 } : json(200, detail);
}

function failure(status: number, error: string, detail: object = {}): Answer {
  return json(status, { error, ...detail });
}

function json(status: number, value: object): Answer {
  return { status, type: "application/json", body: JSON.stringify(value) };
}
