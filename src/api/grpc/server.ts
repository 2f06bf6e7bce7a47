import { setImmediate } from "node:timers/promises";
import { logVerbosity, Server, ServerCredentials, setLogVerbosity, type ChannelOptions } from "@grpc/grpc-js";
import type { Logger } from "../log.js";
import type { ApiObserver } from "../observer.js";
import { ActiveCalls } from "../active-calls.js";
import type { ApiKeys } from "../api-keys.js";
import { ConnectionCount } from "../connection-count.js";
import { defaultLimits, type Limits } from "../limits.js";
import { listen, type Accept } from "../listener.js";
import type { StreamListener } from "../one-port/http2-requests.js";
import { SlowReaders } from "../slow-readers.js";
import type { TlsCertificates } from "../tls.js";
import { ignoreFarDeadlines } from "./far-deadlines.js";
import { setHttp2Settings } from "./grpc-js-private.js";
import { guardedBy } from "./guarded.js";
import { healthService, ServingState } from "./health.js";
import { reflectionServices } from "./reflection/reflection-service.js";
import type { Service } from "./service.js";
import { answerOtherStreams, dropSlowReaders, endSlowSenders } from "./streams.js";
import { addService } from "./transport.js";
import { answerUnknownMethods } from "./unknown-method.js";

export interface GrpcOptions {
  readonly services: readonly Service[];
  readonly log: Logger;
  /** Is told of every call. */
  readonly observer?: ApiObserver | undefined;
  /** What calls must show one of, but for health and reflection; without it everyone may call. */
  readonly apiKeys?: ApiKeys | undefined;
  readonly limits?: Limits | undefined;
  /** Answers streams that are no gRPC; without it they get 415. */
  readonly answerOther?: StreamListener | undefined;
}

/** Calls over whatever connections it is given. */
export interface GrpcCalls {
  /** Takes over a connection that speaks HTTP/2. */
  readonly accept: Accept;
  /** What health says; true from the start. */
  setServing(isServing: boolean): void;
  /**
   * Ends the calls in order: health turns NOT_SERVING, new calls are answered UNAVAILABLE, running ones may finish
   * (their clients have been sent everything) within `graceMs` and are cancelled then.
   */
  drain(graceMs: number): Promise<void>;
  /** Closes the connections; to be called when no more are accepted. */
  close(): Promise<void>;
  /** Drops every call and connection at once. */
  forceStop(): void;
}

/** Serves `services`, with health and reflection. */
export function createGrpcCalls(options: GrpcOptions): GrpcCalls {
  const { services, log, observer, apiKeys, limits = defaultLimits, answerOther } = options;
  setLogVerbosity(logVerbosity.NONE); // what goes wrong is thrown, or logged by us; grpc-js would print it as well
  const server = new Server(optionsOf(limits));
  setHttp2Settings(server, {
    maxConcurrentStreams: limits.maxStreamsPerConnection,
    maxHeaderListSize: limits.maxHeaderBytes,
  });
  const calls = new ActiveCalls();
  const state = new ServingState();
  const health = healthService(
    state,
    services.filter(({ isNamedInHealth }) => isNamedInHealth),
  );
  const guarded = apiKeys === undefined ? services : services.map((service) => guardedBy(apiKeys, service));
  const all = [...guarded, health, ...reflectionServices(services, [health])];
  answerUnknownMethods(server);
  ignoreFarDeadlines(server);
  endSlowSenders(server, limits.receiveTimeoutSeconds, isEndlessIn(all));
  if (answerOther !== undefined) answerOtherStreams(server, answerOther);
  const readers = new SlowReaders(limits.sendTimeoutSeconds * 1000);
  dropSlowReaders(server, readers);
  for (const service of all) addService({ server, calls, log, observer }, service);
  // The connections are decrypted already.
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
  return {
    accept: (socket) => injector.injectConnection(socket),
    setServing: (isServing) => state.set(isServing),
    drain: async (graceMs) => {
      state.set(false);
      calls.refuseNew();
      await setImmediate(); // whoever watches the health is told before that call ends, even when nothing is running
      await calls.waitUntilIdle(graceMs);
      calls.abortAll();
      await calls.waitUntilIdle(closingMs);
    },
    close: async () => {
      await close(server);
      readers.close();
    },
    forceStop: () => {
      readers.close();
      calls.abortAll();
      server.forceShutdown();
    },
  };
}

export interface GrpcServerOptions extends GrpcOptions {
  /** Address to listen on: `0.0.0.0`, `::`, `127.0.0.1`, ... */
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  /** Without it the port is plain. */
  readonly tls?: TlsCertificates | undefined;
  /** Counts the connections of all ports. */
  readonly connections?: ConnectionCount | undefined;
}

export interface GrpcServer extends Pick<GrpcCalls, "setServing" | "forceStop"> {
  /** The port that is listened on. */
  readonly port: number;
  /** Health says NOT_SERVING from now on; calls are answered all the same. */
  turnUnready(): void;
  /** Ends the calls as {@link GrpcCalls} does; at last the port and all connections close. */
  drain(graceMs: number): Promise<void>;
}

/**
 * Serves `services`, with health and reflection, on a port of their own.
 * @throws {Error} when the port cannot be bound.
 */
export async function startGrpcServer(options: GrpcServerOptions): Promise<GrpcServer> {
  const { limits = defaultLimits, connections = new ConnectionCount(limits.maxConnections, options.log) } = options;
  const calls = createGrpcCalls(options);
  const listener = await listen({ ...options, limits, connections }, { http2: calls.accept });
  return {
    port: listener.port,
    setServing: (isServing) => calls.setServing(isServing),
    turnUnready: () => calls.setServing(false),
    drain: async (graceMs) => {
      await calls.drain(graceMs);
      const closed = listener.close();
      await calls.close();
      await closed;
    },
    forceStop: () => {
      void listener.close();
      calls.forceStop();
    },
  };
}

/** How long a cancelled call, and then a connection, may take to end by itself. */
const closingMs = 1000;

function optionsOf(limits: Limits): ChannelOptions {
  const ageMs = limits.maxConnectionAgeSeconds * 1000;
  const ageGraceMs = limits.maxConnectionAgeGraceSeconds * 1000;
  return {
    "grpc.max_receive_message_length": limits.maxGrpcMessageBytes,
    "grpc.max_send_message_length": -1,
    // A client that vanished without closing its connection is noticed, and its slots are freed.
    "grpc.keepalive_time_ms": limits.grpcKeepaliveSeconds * 1000,
    "grpc.keepalive_timeout_ms": limits.grpcKeepaliveTimeoutSeconds * 1000,
    ...(ageMs > 0 && { "grpc.max_connection_age_ms": ageMs }),
    ...(ageGraceMs > 0 && { "grpc.max_connection_age_grace_ms": ageGraceMs }),
  };
}

/** Which methods take any number of requests, for as long as their client likes. */
function isEndlessIn(services: readonly Service[]): (path: string) => boolean {
  const methods = services.flatMap((service) => service.methods);
  const endless = new Set(methods.filter(({ requests }) => requests !== "one").map(({ path }) => path));
  return (path) => endless.has(path);
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
