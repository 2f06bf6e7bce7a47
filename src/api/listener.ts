/** A listening port: counts its connections, speaks TLS, and gives each connection to who speaks its protocol. */
import { once } from "node:events";
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { createServer as createTlsServer, type TLSSocket } from "node:tls";
import type { ConnectionCount } from "./connection-count.js";
import type { Limits } from "./limits.js";
import { readProtocol } from "./one-port/first-bytes.js";
import { contextOf, type TlsCertificates } from "./tls.js";

export interface ListenOptions {
  /** Address to listen on: `0.0.0.0`, `::`, `127.0.0.1`, ... */
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  /** Without it the port is plain. */
  readonly tls?: TlsCertificates | undefined;
  readonly connections: ConnectionCount;
  readonly limits: Limits;
}

/** Takes over a connection, plain or decrypted. */
export type Accept = (socket: Socket) => void;

/** Who speaks what. With both, each connection says which it means, by ALPN or by its first bytes. */
export interface Protocols {
  readonly http1?: Accept;
  readonly http2?: Accept;
}

export interface Listener {
  /** The port that is listened on. */
  readonly port: number;
  /** Takes no more connections, and leaves those that were given away alone. Resolves when all have ended. */
  close(): Promise<void>;
}

/** @throws {Error} when the port cannot be bound. */
export async function listen(options: ListenOptions, protocols: Protocols): Promise<Listener> {
  const { host, port, tls, limits } = options;
  const undecided = new Set<Socket>();
  const accept = choose(protocols, limits.receiveTimeoutSeconds * 1000, undecided);
  const server = tls === undefined ? createPlain(options, accept) : createSecure(tls, options, protocols, accept);
  server.listen({ host, port });
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port, // listening on TCP: an object
    close: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of undecided) socket.destroy();
      await closed;
    },
  };
}

function createPlain({ connections }: ListenOptions, accept: Accept): Server {
  // HTTP/1.1 answers clients that have closed their half; TCP keeps no small message back.
  return createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    if (connections.admit(socket)) accept(socket);
  });
}

/** Its certificates are always the newest; connections that are open keep those that they began with. */
function createSecure(
  tls: TlsCertificates,
  { connections, limits }: ListenOptions,
  protocols: Protocols,
  accept: Accept,
): Server {
  const server = createTlsServer(
    {
      ...contextOf(tls.material),
      requestCert: tls.material.clientCa !== undefined,
      rejectUnauthorized: true, // those that are asked for a certificate
      ALPNProtocols: [...(protocols.http2 ? ["h2"] : []), ...(protocols.http1 ? ["http/1.1"] : [])],
      handshakeTimeout: limits.receiveTimeoutSeconds * 1000,
      noDelay: true,
    },
    accept,
  );
  server.prependListener("connection", (socket: Socket) => connections.admit(socket)); // before the handshake
  const stop = tls.onChange((material) => server.setSecureContext(contextOf(material)));
  return server.once("close", stop);
}

function choose({ http1, http2 }: Protocols, timeoutMs: number, undecided: Set<Socket>): Accept {
  const acceptHttp2: Accept = (socket) => {
    socket.allowHalfOpen = false; // a client that has closed its half is gone
    http2?.(socket);
  };
  if (http1 === undefined) return acceptHttp2;
  if (http2 === undefined) return http1;
  return (socket) => {
    const alpn = "alpnProtocol" in socket ? (socket as TLSSocket).alpnProtocol : undefined;
    if (alpn === "h2") acceptHttp2(socket);
    else if (alpn !== undefined) http1(socket);
    else {
      undecided.add(socket);
      socket.once("close", () => undecided.delete(socket));
      readProtocol(socket, timeoutMs, (isHttp2) => {
        undecided.delete(socket);
        if (isHttp2) acceptHttp2(socket);
        else http1(socket);
      });
    }
  };
}
