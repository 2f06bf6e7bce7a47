/**
 * One port for gRPC, HTTP, health and metrics. A connection says whether it speaks HTTP/1.1 or HTTP/2, and each stream
 * of HTTP/2 whether it is gRPC: a proxy may send both over one connection (docs/decisions/0012-one-port.md).
 */
import { ConnectionCount } from "../connection-count.js";
import { createGrpcCalls, type GrpcOptions } from "../grpc/server.js";
import { healthAnswers, type HealthOptions } from "../http/health/answers.js";
import { createHttpRequests, type HttpOptions } from "../http/server.js";
import { defaultLimits } from "../limits.js";
import { listen } from "../listener.js";
import type { TlsCertificates } from "../tls.js";
import { answerStreams } from "./http2-requests.js";

export interface OnePortOptions extends Omit<GrpcOptions, "answerOther">, Omit<HttpOptions, "answerFirst"> {
  /** Address to listen on: `0.0.0.0`, `::`, `127.0.0.1`, ... */
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  /** Without it `/health` and `/metrics` are left to the APIs. */
  readonly health?: Omit<HealthOptions, "log" | "apiKeys"> | undefined;
  /** Without it the port is plain. */
  readonly tls?: TlsCertificates | undefined;
  /** Counts the connections of all ports. */
  readonly connections?: ConnectionCount | undefined;
}

export interface OnePort {
  /** The port that is listened on. */
  readonly port: number;
  /** gRPC's health says NOT_SERVING from now on; calls are answered all the same. */
  turnUnready(): void;
  /** Ends calls and requests in the order of their own ports; at last the port and all connections close. */
  drain(graceMs: number): Promise<void>;
  /** Drops everything at once. */
  forceStop(): void;
}

/** @throws {Error} when the port cannot be bound, or when two APIs claim the same route. */
export async function startOnePort(options: OnePortOptions): Promise<OnePort> {
  const { log, apiKeys, health, limits = defaultLimits } = options;
  const { connections = new ConnectionCount(limits.maxConnections, log) } = options;
  const answerFirst = health && healthAnswers({ ...health, log, apiKeys });
  const http = await createHttpRequests({ ...options, answerFirst });
  const grpc = createGrpcCalls({ ...options, answerOther: answerStreams(http.answer, limits.receiveTimeoutSeconds) });
  const listener = await listen({ ...options, limits, connections }, { http1: http.accept, http2: grpc.accept });
  return {
    port: listener.port,
    turnUnready: () => grpc.setServing(false),
    drain: async (graceMs) => {
      await Promise.all([grpc.drain(graceMs), http.drain(graceMs)]);
      const closed = listener.close();
      http.forceStop();
      await grpc.close();
      await closed;
    },
    forceStop: () => {
      void listener.close();
      http.forceStop();
      grpc.forceStop();
    },
  };
}
