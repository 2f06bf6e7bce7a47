/**
 * The smallest S3 server that is one: it checks signatures, lists by pages, and reads ranges of a version. Path style
 * only. Tests tell it what is in it, and how to fail.
 */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { Identity } from "./certificates.js";
import { isSignedWith, readClaim } from "./s3-signature.js";

export const serverKeys = { accessKeyId: "AKIDORTLERTEST", secretAccessKey: "secret/of+the=tests" } as const;

/** Ways to fail, each once: what Amazon and others really answer, or what networks do. */
export type Fault =
  "slow-down" | "internal-error" | "reset" | "cut" | "silence" | "no-xml" | "other-region" | "no-ranges";

export interface S3Server {
  readonly endpoint: string;
  /** Method and path with query, as they came. */
  readonly requests: readonly string[];
  put(bucket: string, key: string, content: Uint8Array | string): void;
  remove(bucket: string, key: string): void;
  /** Unsigned requests may read this bucket. */
  publish(bucket: string): void;
  /** Answers 403 to whoever reads the object. */
  deny(bucket: string, key: string): void;
  /** The next request fails in this way. */
  failNext(fault: Fault): void;
  close(): void;
}

export interface S3ServerOptions {
  readonly tls?: Identity;
  readonly region?: string;
  readonly pageSize?: number;
  /** How far ahead the server's clock is. */
  readonly clockAheadMs?: number;
}

interface Stored {
  readonly content: Buffer;
  readonly etag: string;
}

interface State {
  readonly buckets: Map<string, Map<string, Stored>>;
  readonly published: Set<string>;
  readonly denied: Set<string>;
  readonly faults: Fault[];
  readonly requests: string[];
  readonly region: string;
  readonly pageSize: number;
  readonly clockAheadMs: number;
}

export async function startS3Server(options: S3ServerOptions = {}): Promise<S3Server> {
  const { tls, region = "us-east-1", pageSize = 1000, clockAheadMs = 0 } = options;
  const state: State = {
    buckets: new Map(),
    published: new Set(),
    denied: new Set(),
    faults: [],
    requests: [],
    region,
    pageSize,
    clockAheadMs,
  };
  const answer = (request: IncomingMessage, response: ServerResponse): void => serve(state, request, response);
  const server = tls === undefined ? createHttpServer(answer) : createHttpsServer(tls, answer);
  await once(server.listen(0, "127.0.0.1"), "listening");
  const bucketOf = (name: string): Map<string, Stored> => {
    const bucket = state.buckets.get(name) ?? new Map<string, Stored>();
    state.buckets.set(name, bucket);
    return bucket;
  };
  return {
    endpoint: `${tls === undefined ? "http" : "https"}://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests: state.requests,
    put: (bucket, key, content) => bucketOf(bucket).set(key, store(content)),
    remove: (bucket, key) => bucketOf(bucket).delete(key),
    publish: (bucket) => state.published.add(bucket),
    deny: (bucket, key) => state.denied.add(`${bucket}/${key}`),
    failNext: (fault) => state.faults.push(fault),
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

function store(content: Uint8Array | string): Stored {
  return { content: Buffer.from(content), etag: `"${createHash("md5").update(content).digest("hex")}"` };
}

function serve(state: State, request: IncomingMessage, response: ServerResponse): void {
  state.requests.push(`${request.method ?? ""} ${request.url ?? ""}`);
  response.setHeader("date", new Date(Date.now() + state.clockAheadMs).toUTCString());
  const url = new URL(request.url ?? "/", "http://server");
  const [, bucket = "", key = ""] = /^\/([^/]*)\/?(.*)$/.exec(url.pathname) ?? [];
  const fault = state.faults.shift();
  if (fault !== undefined && isAnsweredBy(fault, request, response)) return;
  const refusal = findRefusal(state, request, bucket);
  if (refusal !== undefined) {
    refuse(response, ...refusal);
    return;
  }
  if (key === "") list(state, bucket, url.searchParams, response);
  else read(state, bucket, decodeURIComponent(key), fault, request, response);
}

/** The faults that come before anything is looked up. */
function isAnsweredBy(fault: Fault, request: IncomingMessage, response: ServerResponse): boolean {
  switch (fault) {
    case "slow-down":
      refuse(response.setHeader("retry-after", "7"), 503, "SlowDown");
      return true;
    case "internal-error":
      refuse(response, 500, "InternalError");
      return true;
    case "other-region":
      refuse(response.setHeader("x-amz-bucket-region", "eu-central-1"), 301, "PermanentRedirect");
      return true;
    case "reset":
      request.socket.resetAndDestroy();
      return true;
    case "silence":
      return true;
    case "no-xml":
      response.writeHead(200, { "content-type": "text/html" }).end("<!doctype html><p>Welcome to nginx!");
      return true;
    case "cut":
    case "no-ranges":
      return false;
  }
}

type Refusal = readonly [status: number, code: string, details?: string];

function findRefusal(state: State, request: IncomingMessage, bucket: string): Refusal | undefined {
  const claim = readClaim(request);
  if (claim === undefined) return state.published.has(bucket) ? undefined : [403, "AccessDenied"];
  if (claim.region !== state.region) {
    return [400, "AuthorizationHeaderMalformed", `<Region>${state.region}</Region>`];
  }
  if (claim.accessKeyId !== serverKeys.accessKeyId) {
    return [403, "InvalidAccessKeyId", `<AWSAccessKeyId>${claim.accessKeyId}</AWSAccessKeyId>`];
  }
  if (!isSignedWith(serverKeys.secretAccessKey, claim, request)) return [403, "SignatureDoesNotMatch"];
  return isSkewed(state, request) ? [403, "RequestTimeTooSkewed"] : undefined;
}

/** Amazon allows 15 minutes. */
function isSkewed({ clockAheadMs }: State, request: IncomingMessage): boolean {
  const compact = String(request.headers["x-amz-date"]);
  const signedAt = Date.parse(compact.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, "$1-$2-$3T$4:$5:$6Z"));
  return Math.abs(Date.now() + clockAheadMs - signedAt) > 900_000;
}

function refuse(response: ServerResponse, status: number, code: string, details = ""): void {
  const body = `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code><Message>No.</Message>${details}</Error>`;
  response.writeHead(status, { "content-type": "application/xml" }).end(body);
}

function list(state: State, name: string, parameters: URLSearchParams, response: ServerResponse): void {
  const bucket = state.buckets.get(name);
  if (bucket === undefined) {
    refuse(response, 404, "NoSuchBucket");
    return;
  }
  const isEncoded = parameters.get("encoding-type") === "url";
  const after = parameters.get("continuation-token") ?? "";
  const keys = [...bucket.keys()].sort().filter((key) => key.startsWith(parameters.get("prefix") ?? "") && key > after);
  const page = keys.slice(0, state.pageSize);
  const contents = page.map((key) => {
    const { content, etag } = bucket.get(key) ?? store("");
    const shown = isEncoded ? encodeURIComponent(key).replaceAll("%20", "+") : escapeXml(key);
    return `<Contents><Key>${shown}</Key><Size>${content.length}</Size><ETag>${escapeXml(etag)}</ETag></Contents>`;
  });
  const isTruncated = page.length < keys.length;
  const token = isTruncated ? `<NextContinuationToken>${escapeXml(page.at(-1) ?? "")}</NextContinuationToken>` : "";
  const body = [
    `<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><IsTruncated>${isTruncated}</IsTruncated>`,
    isEncoded ? "<EncodingType>url</EncodingType>" : "",
    ...contents,
    `${token}</ListBucketResult>`,
  ];
  response.writeHead(200, { "content-type": "application/xml" }).end(body.join(""));
}

function escapeXml(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}

function read(
  state: State,
  bucket: string,
  key: string,
  fault: Fault | undefined,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const stored = state.buckets.get(bucket)?.get(key);
  const wanted = request.headers["if-match"];
  if (state.denied.has(`${bucket}/${key}`)) refuse(response, 403, "AccessDenied");
  else if (stored === undefined) refuse(response, 404, state.buckets.has(bucket) ? "NoSuchKey" : "NoSuchBucket");
  else if (wanted !== undefined && wanted !== stored.etag) refuse(response, 412, "PreconditionFailed");
  else send(stored, fault, request, response);
}

function send(
  { content, etag }: Stored,
  fault: Fault | undefined,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? "") ?? [];
  const isRange = first !== undefined && last !== undefined && fault !== "no-ranges";
  const start = isRange ? Number(first) : 0;
  const bytes = isRange ? content.subarray(start, Number(last) + 1) : content;
  response.writeHead(isRange ? 206 : 200, {
    etag,
    "content-length": bytes.length,
    ...(isRange && { "content-range": `bytes ${start}-${start + bytes.length - 1}/${content.length}` }),
  });
  if (request.method === "HEAD") response.end();
  else if (fault === "cut") response.write(bytes.subarray(0, bytes.length >> 1), () => request.socket.destroy());
  else response.end(bytes);
}
