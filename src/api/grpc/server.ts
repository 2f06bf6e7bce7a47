import { setImmediate } from "node:timers/promises";
import { logVerbosity, Server, setLogVerbosity, type ServerCredentials } from "@grpc/grpc-js";
import type { Logger } from "../log.js";
import type { ApiObserver } from "../observer.js";
import { ActiveCalls } from "../active-calls.js";
import type { ApiKeys } from "../api-keys.js";
import type { TlsCertificates } from "../tls.js";
import { serverCredentials } from "./credentials.js";
import { ignoreFarDeadlines } from "./far-deadlines.js";
import { guardedBy } from "./guarded.js";
import { healthService, ServingState } from "./health.js";
import { reflectionServices } from "./reflection/reflection-service.js";
import type { Service } from "./service.js";
import { addService } from "./transport.js";
import { answerUnknownMethods } from "./unknown-method.js";

export interface GrpcServerOptions {
  /** Address to listen on: `0.0.0.0`, `::`, `127.0.0.1`, ... */
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  readonly services: readonly Service[];
  readonly log: Logger;
  /** Is told of every call. */
  readonly observer?: ApiObserver | undefined;
  /** Without it the port is plain. */
  readonly tls?: TlsCertificates | undefined;
  /** What calls must show one of, but for health and reflection; without it everyone may call. */
  readonly apiKeys?: ApiKeys | undefined;
}

export interface GrpcServer {
  /** The port that is listened on. */
  readonly port: number;
  /** What health says; true from the start. */
  setServing(isServing: boolean): void;
  /**
   * Ends the server in order: health turns NOT_SERVING, new calls are answered UNAVAILABLE, running ones may finish
   * (their clients have been sent everything) within `graceMs` and are cancelled then; at last the port closes.
   */
  drain(graceMs: number): Promise<void>;
  /** Drops every call and connection at once. */
  forceStop(): void;
}

/** How long a cancelled call, and then a connection, may take to end by itself. */
const closingMs = 1000;

const serverOptions = {
  "grpc.max_receive_message_length": 4 * 1024 * 1024,
  "grpc.max_send_message_length": -1,
  // A client that vanished without closing its connection is noticed, and its slots are freed, within a minute and a half.
  "grpc.keepalive_time_ms": 60_000,
  "grpc.keepalive_timeout_ms": 20_000,
};

/**
 * Serves `services`, with health and reflection, on one port.
 * @throws {Error} when the port cannot be bound.
 */
export async function startGrpcServer(options: GrpcServerOptions): Promise<GrpcServer> {
  const { host, port, services, log, observer, tls, apiKeys } = options;
  setLogVerbosity(logVerbosity.NONE); // what goes wrong is thrown, or logged by us; grpc-js would print it as well
  const server = new Server(serverOptions);
  const calls = new ActiveCalls();
  const state = new ServingState();
  const health = healthService(
    state,
    services.filter(({ isNamedInHealth }) => isNamedInHealth),
  );
  answerUnknownMethods(server);
  ignoreFarDeadlines(server);
  const guarded = apiKeys === undefined ? services : services.map((service) => guardedBy(apiKeys, service));
  for (const service of [...guarded, health, ...reflectionServices(services, [health])]) {
    addService({ server, calls, log, observer }, service);
  }
  const address = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
  const boundPort = await bind(server, address, serverCredentials(tls));
  return {
    port: boundPort,
    setServing: (isServing) => state.set(isServing),
    drain: async (graceMs) => {
      state.set(false);
      calls.refuseNew();
      await setImmediate(); // whoever watches the health is told before that call ends, even when nothing is running
      await calls.waitUntilIdle(graceMs);
      calls.abortAll();
      await calls.waitUntilIdle(closingMs);
      await close(server);
    },
    forceStop: () => {
      calls.abortAll();
      server.forceShutdown();
    },
  };
}

async function bind(server: Server, address: string, credentials: ServerCredentials): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(address, credentials, (error, port) => {
      if (error === null) resolve(port);
      else reject(error);
    });
  });
}

/** Lets connections end by themselves, for `closingMs`. */
async function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    const force = setTimeout(() => {
      server.forceShutdown();
      resolve();
    }, closingMs);
    server.tryShutdown(() => {
      clearTimeout(force);
      resolve();
    });
  });
}
