/** REST over HTTP/2: streams that are no gRPC, answered by what was written for HTTP/1.1. */
import type { RequestListener } from "node:http";
import {
  createServer,
  Http2ServerResponse,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type ServerHttp2Stream,
} from "node:http2";
import { lateText } from "../limits.js";

/** Takes over a stream whose headers have come. */
export type StreamListener = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void;

/**
 * The listener for streams; they may come from any HTTP/2 server. Node's own compatibility layer makes a request and a
 * response of each, and sits in a server, which is never listened with. Who has not sent all of a request within
 * `receiveTimeoutSeconds` is answered 408.
 */
export function answerStreams(listener: RequestListener, receiveTimeoutSeconds: number): StreamListener {
  // Node promises that its HTTP/2 classes have the interface of those of HTTP/1.1; `Http2Answer` has the rest.
  const compatible = createServer({ Http2ServerResponse: Http2Answer }, listener as never);
  return (stream, headers) => {
    const rawHeaders = Object.entries(headers).flat();
    if (!stream.endAfterHeaders) endSlowSender(stream, receiveTimeoutSeconds);
    compatible.emit("stream", stream, headers, 0, rawHeaders);
  };
}

function endSlowSender(stream: ServerHttp2Stream, receiveTimeoutSeconds: number): void {
  const timer = setTimeout(() => {
    if (stream.destroyed || stream.headersSent) return;
    stream.respond({ ":status": 408, "content-type": "application/json" });
    stream.end(JSON.stringify({ detail: lateText(receiveTimeoutSeconds) }));
    stream.close(); // the client need not send the rest
  }, receiveTimeoutSeconds * 1000);
  const stop = (): void => clearTimeout(timer);
  stream.once("end", stop).once("close", stop);
}

/** They are about an HTTP/1.1 connection; HTTP/2 forbids them (RFC 9113, section 8.2.2). */
const connectionHeaders = new Set(["connection", "keep-alive", "transfer-encoding"]);

type Callback = (error: Error) => void;

/** Leaves out the headers of HTTP/1.1, and texts that are empty. */
class Http2Answer extends Http2ServerResponse {
  override setHeader(name: string, value: number | string | readonly string[]): void {
    if (!connectionHeaders.has(name.toLowerCase())) super.setHeader(name, value);
  }

  override writeHead(status: number, headers?: OutgoingHttpHeaders | string): this {
    const entries = Object.entries(typeof headers === "object" ? headers : {});
    const kept = entries.filter(([name]) => !connectionHeaders.has(name.toLowerCase()));
    return super.writeHead(status, Object.fromEntries(kept));
  }

  /**
   * `end("")` writes the empty text, too. When it is sent together with texts before it, Node's HTTP/2 takes their
   * memory for free as soon as it meets the empty one, and sends whatever is there by then (seen in Node 20.20).
   */
  override write(chunk: string | Uint8Array, callback?: Callback): boolean;
  override write(chunk: string | Uint8Array, encoding: BufferEncoding, callback?: Callback): boolean;
  override write(chunk: string | Uint8Array, encoding?: BufferEncoding | Callback, callback?: Callback): boolean {
    if (typeof encoding === "function") return this.write(chunk, "utf8", encoding);
    if (chunk.length > 0) return super.write(chunk, encoding ?? "utf8", callback);
    if (callback !== undefined) process.nextTick(callback);
    return !this.writableNeedDrain;
  }
}

/** Accessors that the types call plain properties: Node's class lacks the first two, and has the third wrong. */
const accessors: Readonly<Record<string, (answer: Http2ServerResponse) => boolean>> = {
  destroyed: ({ stream }) => stream.destroyed,
  writableNeedDrain: ({ stream }) => stream.writableNeedDrain,
  // A stream that is reset ends by itself, which is no answer that was sent.
  writableFinished: ({ stream, writableEnded }) => writableEnded && stream.writableFinished,
};
for (const [name, read] of Object.entries(accessors)) {
  Object.defineProperty(Http2Answer.prototype, name, {
    get(this: Http2ServerResponse) {
      return read(this);
    },
  });
}
