/**
 * GET and HEAD over Node's own http and https, with redirects. Not `fetch`: Node 20 has no way to give it a CA bundle
 * or a pool of connections, and its streams cost more per byte.
 */
import { Agent as HttpAgent, request as requestHttp, type IncomingHttpHeaders, type IncomingMessage } from "node:http";
import { Agent as HttpsAgent, request as requestHttps } from "node:https";
import { RemoteError } from "../remote-folder.js";
import { describeNetworkFailure, type NetworkFailure } from "./network-failures.js";
import { poolSize } from "./pool-size.js";
import { scrubbedCause } from "./scrub.js";

export interface HttpClientOptions {
  /** Parts that are read at once: the pool is made for them. */
  readonly connections: number;
  /** How long a connection may stay silent, while it is made and afterwards. */
  readonly silenceMs: number;
  /** Authorities to trust instead of the usual ones, in PEM. */
  readonly ca: string | undefined;
}

export interface HttpRequest {
  readonly method: "GET" | "HEAD";
  readonly url: URL;
  /** `authorization` goes to the URL's own origin only. */
  readonly headers: Readonly<Record<string, string>>;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Of the redirects on the way, first one first. */
  readonly redirects: readonly IncomingHttpHeaders[];
  /** Must be read to its end or destroyed. */
  readonly body: IncomingMessage;
}

const maxRedirects = 5;
const certificateHelp = "set SSL_CERT_FILE to a PEM file with its authority";

export class HttpClient {
  readonly #http: HttpAgent;
  readonly #https: HttpsAgent;

  constructor(private readonly options: HttpClientOptions) {
    const pool = { keepAlive: true, maxSockets: poolSize(options.connections) };
    this.#http = new HttpAgent(pool);
    this.#https = new HttpsAgent({ ...pool, ...(options.ca !== undefined && { ca: options.ca }) });
  }

  /**
   * The answer to a request, whatever its status, after at most five redirects.
   *
   * @throws {RemoteError} when there is no answer, or a redirect that must not be followed.
   */
  async send(request: HttpRequest, signal: AbortSignal): Promise<HttpAnswer> {
    const redirects: IncomingHttpHeaders[] = [];
    let { url } = request;
    for (;;) {
      const headers = url.origin === request.url.origin ? request.headers : withoutAuthorization(request.headers);
      const body = await this.#sendOnce({ ...request, url, headers }, signal);
      const { statusCode: status = 0, headers: answered } = body;
      const target = redirectTarget(url, status, answered.location);
      if (target === undefined) return { status, headers: answered, redirects, body };
      body.resume(); // the connection is free again once the answer is read
      redirects.push(answered);
      if (redirects.length > maxRedirects)
        throw new RemoteError(`${url.origin}: more than ${maxRedirects} redirects`, false);
      url = target;
    }
  }

  /**
   * The bytes of an answer as they arrive.
   *
   * @throws {RemoteError} when the connection breaks.
   */
  async *bytes(answer: HttpAnswer, url: URL, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    try {
      yield* answer.body as AsyncIterable<Uint8Array>;
    } catch (error) {
      throw signal.aborted ? signal.reason : connectionError(error, url);
    }
  }

  /**
   * The answer's text.
   *
   * @throws {RemoteError} when it is longer than `maxBytes`, or the connection breaks.
   */
  async text(answer: HttpAnswer, url: URL, maxBytes: number, signal: AbortSignal): Promise<string> {
    const pieces: Uint8Array[] = [];
    let length = 0;
    for await (const piece of this.bytes(answer, url, signal)) {
      length += piece.length;
      if (length > maxBytes)
        throw new RemoteError(`${url.origin}${url.pathname} is longer than ${maxBytes} bytes`, false);
      pieces.push(piece);
    }
    return Buffer.concat(pieces).toString("utf8");
  }

  #sendOnce({ method, url, headers }: HttpRequest, signal: AbortSignal): Promise<IncomingMessage> {
    const isTls = url.protocol === "https:";
    const options = {
      method,
      headers: { "user-agent": "ortler", "accept-encoding": "identity", ...headers },
      agent: isTls ? this.#https : this.#http,
      timeout: this.options.silenceMs,
      signal: AbortSignal.any([signal]), // of its own: many requests at once would be too many listeners for one
    };
    return new Promise((resolve, reject) => {
      const sent = (isTls ? requestHttps : requestHttp)(url, options);
      let answer: IncomingMessage | undefined;
      sent.once("response", (message) => resolve((answer = message)));
      sent.once("timeout", () => (answer ?? sent).destroy(silenceError()));
      sent.on("error", (error) => reject(signal.aborted ? (signal.reason as Error) : connectionError(error, url)));
      sent.end();
    });
  }
}

function withoutAuthorization(headers: HttpRequest["headers"]): HttpRequest["headers"] {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => name.toLowerCase() !== "authorization"));
}

/** Undefined when the status is no redirect. */
function redirectTarget(from: URL, status: number, location: string | undefined): URL | undefined {
  if (![301, 302, 303, 307, 308].includes(status) || location === undefined) return undefined;
  const target = URL.canParse(location, from.href) ? new URL(location, from) : undefined;
  if (target === undefined || !/^https?:$/.test(target.protocol)) {
    throw new RemoteError(`${from.origin} redirects to what is no http or https URL`, false);
  }
  if (from.protocol === "https:" && target.protocol === "http:") {
    throw new RemoteError(`${from.origin} redirects to ${target.origin}, which is not encrypted`, false);
  }
  return target;
}

function silenceError(): Error {
  return Object.assign(new Error("the server is silent"), { code: "ETIMEDOUT" });
}

/** Queries may be signatures: only the origin is said. */
function connectionError(error: unknown, url: URL): RemoteError {
  if (error instanceof RemoteError) return error;
  const unknown: NetworkFailure = { text: "fails", isTransient: false };
  const failure = describeNetworkFailure(error, certificateHelp) ?? unknown;
  const { text, isTransient, isOutage } = failure;
  return new RemoteError(`${url.origin} ${text}`, isTransient, { isOutage, cause: scrubbedCause(error, []) });
}
