import type { ApiKeys } from "../api/api-keys.js";
import { ConnectionCount } from "../api/connection-count.js";
import { startGrpcServer, type GrpcServerOptions } from "../api/grpc/server.js";
import type { HealthOptions } from "../api/http/health/answers.js";
import { startHealthServer } from "../api/http/health/server.js";
import { startHttpServer } from "../api/http/server.js";
import { startOnePort } from "../api/one-port/server.js";
import type { TlsCertificates } from "../api/tls.js";
import type { Config } from "../config/settings.js";
import type { Logger } from "../telemetry/log.js";
import type { Apis } from "./apis.js";
import { cannotListen, type Content, type PlannedPort } from "./ports.js";

/** What a port may be made of. */
export interface PortParts extends Apis {
  readonly log: Logger;
  readonly observer: GrpcServerOptions["observer"];
  readonly health: Omit<HealthOptions, "log" | "apiKeys">;
  readonly tls: TlsCertificates | undefined;
  readonly apiKeys: ApiKeys | undefined;
}

/** A port that is listened on. */
export interface OpenPort {
  readonly port: number;
  /** gRPC's health says NOT_SERVING from now on, where there is gRPC; calls are answered all the same. */
  readonly turnUnready?: () => void;
  /** Refuses what is new, lets what runs go on for `graceMs`, and closes. */
  readonly drain: (graceMs: number) => Promise<void>;
}

/** @returns what opens a port; all of them have one count of connections. */
export function createPortOpener(config: Config, parts: PortParts): (planned: PlannedPort) => Promise<OpenPort> {
  const connections = new ConnectionCount(config.maxConnections, parts.log);
  return async ({ port, serves }) => {
    const options = { ...parts, host: config.host, port, limits: config, connections };
    const start: Record<Content, () => Promise<OpenPort>> = {
      all: async () =>
        startOnePort({
          ...options,
          services: config.grpc || config.tgis ? parts.services : [],
          apis: config.http ? parts.apis : [],
          health: config.health ? parts.health : undefined,
        }),
      grpc: async () => startGrpcServer(options),
      http: async () => startHttpServer(options),
      health: async () => {
        const server = await startHealthServer({ ...options, ...parts.health, apiKeys: undefined });
        return { port: server.port, drain: async () => server.close() };
      },
    };
    try {
      return await start[serves]();
    } catch (cause) {
      throw cannotListen(config.host, port, cause);
    }
  };
}
