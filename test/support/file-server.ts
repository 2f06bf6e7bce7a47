/** A web server with a folder of files, as capable as a test wants it. */
import { createHash } from "node:crypto";
import { once } from "node:events";
import {
  createServer as createHttpServer,
  type IncomingMessage,
  type RequestListener,
  type ServerResponse,
} from "node:http";
import { createServer as createHttpsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";
import type { Identity } from "./certificates.js";

export interface SeenRequest {
  readonly method: string;
  readonly url: string;
  readonly authorization: string | undefined;
}

export interface TestServer {
  /** `http://127.0.0.1:port`, without a slash at the end. */
  readonly origin: string;
  readonly requests: readonly SeenRequest[];
}

/** Serves until the test ends. */
export async function startServer(listener: RequestListener, tls?: Identity): Promise<TestServer> {
  const requests: SeenRequest[] = [];
  const listen: RequestListener = (request, response) => {
    const { method = "", url = "", headers } = request;
    requests.push({ method, url, authorization: headers.authorization });
    listener(request, response);
  };
  const server = tls === undefined ? createHttpServer(listen) : createHttpsServer(tls, listen);
  await once(server.listen(0, "127.0.0.1"), "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { origin: `${tls === undefined ? "http" : "https"}://127.0.0.1:${port}`, requests };
}

export interface FileServerOptions {
  readonly etag?: "strong" | "weak" | "none";
  readonly hasRanges?: boolean;
  /** Without it, HEAD is answered 405. */
  readonly hasHead?: boolean;
  readonly lastModified?: string;
}

/** Answers with the files by their path, which may change between requests. */
export function serveFiles(
  files: ReadonlyMap<string, string | Buffer>,
  options: FileServerOptions = {},
): RequestListener {
  const { etag = "strong", hasRanges = true, hasHead = true, lastModified } = options;
  return (request, response) => {
    const path = decodeURIComponent((request.url ?? "").split("?")[0] ?? "");
    const content = files.get(path);
    if (content === undefined) return void response.writeHead(404).end();
    if (request.method === "HEAD" && !hasHead) return void response.writeHead(405).end();
    const tag = etagOf(content, etag);
    if (tag !== undefined) response.setHeader("etag", tag);
    if (lastModified !== undefined) response.setHeader("last-modified", lastModified);
    const wanted = request.headers["if-match"];
    if (wanted !== undefined && wanted !== tag) response.writeHead(412).end();
    else sendBytes(typeof content === "string" ? Buffer.from(content) : content, hasRanges, request, response);
  };
}

function etagOf(content: string | Buffer, kind: "strong" | "weak" | "none"): string | undefined {
  if (kind === "none") return undefined;
  const tag = `"${createHash("md5").update(content).digest("hex")}"`;
  return kind === "weak" ? `W/${tag}` : tag;
}

function sendBytes(content: Buffer, hasRanges: boolean, request: IncomingMessage, response: ServerResponse): void {
  const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? "") ?? [];
  if (!hasRanges || first === undefined || last === undefined) {
    response.setHeader("content-length", content.length);
    response.end(request.method === "HEAD" ? undefined : content);
    return;
  }
  const bytes = content.subarray(Number(first), Number(last) + 1);
  const range = `bytes ${first}-${Number(first) + bytes.length - 1}/${content.length}`;
  response.writeHead(206, { "content-length": bytes.length, "content-range": range }).end(bytes);
}
