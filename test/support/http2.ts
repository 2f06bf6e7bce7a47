import {
  connect,
  type ClientHttp2Session,
  type ClientHttp2Stream,
  type IncomingHttpHeaders,
  type SecureClientSessionOptions,
} from "node:http2";

/** What a client saw of one request; `trailers` has the status of gRPC. */
export interface Http2Answer {
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly trailers: IncomingHttpHeaders;
}

/** One HTTP/2 connection, over which REST and gRPC both go. */
export class Http2Connection {
  readonly session: ClientHttp2Session;

  constructor(url: string, options: SecureClientSessionOptions = {}) {
    this.session = connect(url, options);
    this.session.on("error", () => undefined); // its streams say the same
  }

  /** Starts a request; without a body it is a GET. */
  open(path: string, body?: string | Buffer, headers: Readonly<Record<string, string>> = {}): ClientHttp2Stream {
    const method = body === undefined ? "GET" : "POST";
    const stream = this.session.request({ ":method": method, ":path": path, ...headers });
    if (body !== undefined) stream.end(body);
    return stream;
  }

  async ask(...request: Parameters<Http2Connection["open"]>): Promise<Http2Answer> {
    return readStream(this.open(...request));
  }

  /** One gRPC call with one message. */
  async call(method: string, message: Uint8Array = new Uint8Array()): Promise<Http2Answer> {
    const head = Buffer.alloc(5);
    head.writeUInt32BE(message.length, 1);
    return this.ask(method, Buffer.concat([head, message]), { "content-type": "application/grpc", "mm-model-id": "m" });
  }

  close(): void {
    this.session.destroy();
  }
}

/** Reads an answer to its end; the headers must not have come yet. */
export async function readStream(stream: ClientHttp2Stream): Promise<Http2Answer> {
  let trailers: IncomingHttpHeaders = {};
  stream.on("trailers", (received: IncomingHttpHeaders) => void (trailers = received));
  const headers = await new Promise<IncomingHttpHeaders>((resolve, reject) => {
    stream.once("response", resolve).once("error", reject);
    stream.once("close", () => reject(new Error("closed without an answer")));
  });
  const body = Buffer.concat((await stream.toArray()) as Buffer[]);
  return { headers, body, trailers };
}
