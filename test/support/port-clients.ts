import { once } from "node:events";
import type { ClientSessionOptions } from "node:http2";
import { connect, type Socket } from "node:net";
import { RawClient } from "./grpc.js";
import { Http2Connection } from "./http2.js";

/** Clients of one server, of every kind; `close` ends them, and undoes what else was to be undone. */
export class PortClients {
  readonly #undo: (() => void)[] = [];

  /** @param portNow Asked for each client, since a test may replace its server. */
  constructor(private readonly portNow: () => number) {}

  get url(): string {
    return `http://127.0.0.1:${this.portNow()}`;
  }

  overHttp2(options?: ClientSessionOptions): Http2Connection {
    const connection = new Http2Connection(this.url, options);
    this.atEnd(() => connection.close());
    return connection;
  }

  overGrpc(): RawClient {
    const client = new RawClient(this.portNow());
    this.atEnd(() => client.close());
    return client;
  }

  async open(): Promise<Socket> {
    const socket = connect(this.portNow(), "127.0.0.1").on("error", () => undefined);
    this.atEnd(() => socket.destroy());
    await once(socket, "connect");
    return socket;
  }

  atEnd(step: () => void): void {
    this.#undo.push(step);
  }

  close(): void {
    for (const step of this.#undo.reverse()) step();
  }
}

/** Everything that the server says until it closes the connection. */
export async function readAll(socket: Socket): Promise<string> {
  return Buffer.concat((await socket.toArray()) as Buffer[]).toString("latin1");
}
