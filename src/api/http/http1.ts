import { createServer, type RequestListener, type Server } from "node:http";
import type { Duplex } from "node:stream";
import { lateText, type Limits } from "../limits.js";
import type { Accept } from "../listener.js";
import { SlowReaders } from "../slow-readers.js";

/** HTTP/1.1 over whatever connections it is given. */
export interface Http1 {
  readonly accept: Accept;
  /** Drops every connection at once. */
  forceStop(): void;
}

/** @returns `server` too, which is Node's own and never listens. */
export function createHttp1(listener: RequestListener, limits: Limits): Http1 & { readonly server: Server } {
  const readers = new SlowReaders(limits.sendTimeoutSeconds * 1000);
  const receiveTimeoutMs = limits.receiveTimeoutSeconds * 1000;
  const server = createServer(
    {
      maxHeaderSize: limits.maxHeaderBytes,
      headersTimeout: receiveTimeoutMs,
      requestTimeout: receiveTimeoutMs,
      connectionsCheckingInterval: Math.min(receiveTimeoutMs / 2, 30_000),
      keepAliveTimeout: limits.httpKeepaliveSeconds * 1000,
    },
    (request, response) => {
      readers.watch(response, () => response.destroy());
      listener(request, response);
    },
  );
  server.on("clientError", (error: NodeJS.ErrnoException, socket) => refuse(error, socket, limits));
  server.emit("listening"); // on which Node begins to look for slow senders
  return {
    server,
    accept: (socket) => void server.emit("connection", socket),
    forceStop: () => {
      readers.close();
      server.closeAllConnections();
      server.close(); // it looks for slow senders no more
    },
  };
}

/** Answers what is no request, or breaks a limit before it is one. */
function refuse({ code }: NodeJS.ErrnoException, socket: Duplex, limits: Limits): void {
  if (code === "ECONNRESET" || !socket.writable) {
    socket.destroy();
    return;
  }
  const [status, detail] = wordsFor(code, limits);
  const body = JSON.stringify({ detail });
  socket.end(
    `HTTP/1.1 ${status}\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n` +
      `connection: close\r\n\r\n${body}`,
    () => socket.destroy(), // whatever else the client sends
  );
}

function wordsFor(code: string | undefined, limits: Limits): [status: string, detail: string] {
  if (code === "HPE_HEADER_OVERFLOW") {
    return [
      "431 Request Header Fields Too Large",
      `the headers must have at most ${limits.maxHeaderBytes} bytes (--max-header-bytes)`,
    ];
  }
  if (code === "ERR_HTTP_REQUEST_TIMEOUT") {
    return ["408 Request Timeout", lateText(limits.receiveTimeoutSeconds)];
  }
  return ["400 Bad Request", "this is no HTTP request"];
}
