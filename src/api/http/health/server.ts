/** TGIS's HTTP port: health and metrics, always plain HTTP, whatever the other ports ask for. */
import type { ServerResponse } from "node:http";
import { ConnectionCount } from "../../connection-count.js";
import { defaultLimits, type Limits } from "../../limits.js";
import { listen } from "../../listener.js";
import { createHttp1 } from "../http1.js";
import { healthAnswers, type HealthOptions } from "./answers.js";

export interface HealthServerOptions extends HealthOptions {
  /** Address to listen on. */
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  readonly limits?: Limits | undefined;
  /** Counts the connections of all ports. */
  readonly connections?: ConnectionCount | undefined;
}

export interface HealthServer {
  /** The port that is listened on. */
  readonly port: number;
  /** Stops listening and drops every connection. */
  close(): Promise<void>;
}

/**
 * Answers `GET /health` and `GET /metrics`; anything else is 404.
 * @throws {Error} when the port cannot be bound.
 */
export async function startHealthServer(options: HealthServerOptions): Promise<HealthServer> {
  const { host, port, log, limits = defaultLimits } = options;
  const { connections = new ConnectionCount(limits.maxConnections, log) } = options;
  const answer = healthAnswers(options);
  const http1 = createHttp1((request, response) => {
    if (answer(request, response)) return;
    request.resume(); // a body is of no interest, but it must not hold the connection up
    answerNotFound(response);
  }, limits);
  const listener = await listen({ host, port, connections, limits }, { http1: http1.accept });
  return {
    port: listener.port,
    close: async () => {
      const closed = listener.close();
      http1.forceStop();
      await closed;
    },
  };
}

function answerNotFound(response: ServerResponse): void {
  response.writeHead(404, { "content-length": 0 }).end();
}
