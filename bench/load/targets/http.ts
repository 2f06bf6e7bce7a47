import { Agent as PlainAgent, request as plainRequest, type IncomingMessage } from "node:http";
import { Agent as TlsAgent, request as tlsRequest } from "node:https";
import { EventReader } from "./events.js";
import { TargetError, timeoutCode, type TargetOptions } from "./target.js";

/** Of an answer that is no stream of events, only so much is read: error bodies are short. */
const mostErrorBytes = 10_000;

const getTimeoutMs = 10_000;

/** Connections of one client to a server of HTTP, kept open between requests. */
export class HttpConnection {
  readonly #agent: PlainAgent;
  readonly #isTls: boolean;
  readonly #headers: Readonly<Record<string, string>>;

  constructor(private readonly options: TargetOptions) {
    const { address, tls, apiKey } = options;
    this.#isTls = address.startsWith("https:");
    this.#agent = this.#isTls
      ? new TlsAgent({
          keepAlive: true,
          ca: tls?.ca,
          cert: tls?.cert,
          key: tls?.key,
          rejectUnauthorized: tls?.isInsecure !== true,
        })
      : new PlainAgent({ keepAlive: true });
    this.#headers = {
      "content-type": "application/json",
      accept: "text/event-stream",
      ...(apiKey !== undefined && { authorization: `Bearer ${apiKey}` }),
    };
  }

  /**
   * POSTs JSON, and tells the data of each server-sent event.
   *
   * @throws {TargetError} `HTTP 429` for an answer that is no success; the system's name for a connection that failed.
   */
  async stream(path: string, body: object, onEvent: (data: string) => void, signal: AbortSignal): Promise<void> {
    try {
      const response = await this.#send("POST", path, JSON.stringify(body), signal);
      if (response.statusCode !== 200) throw await refusalOf(response);
      const events = new EventReader(onEvent);
      for await (const text of response.setEncoding("utf8")) events.read(String(text));
    } catch (error) {
      throw signal.aborted ? new TargetError(timeoutCode, "no whole answer in time") : toTargetError(error);
    }
  }

  /**
   * GETs a text.
   *
   * @throws {TargetError}
   */
  async get(path: string): Promise<string> {
    const response = await this.#send("GET", path, "", AbortSignal.timeout(getTimeoutMs));
    if (response.statusCode !== 200) throw await refusalOf(response);
    let text = "";
    for await (const part of response.setEncoding("utf8")) text += String(part);
    return text;
  }

  close(): void {
    this.#agent.destroy();
  }

  async #send(method: string, path: string, body: string, signal: AbortSignal): Promise<IncomingMessage> {
    const start = this.#isTls ? tlsRequest : plainRequest;
    const url = new URL(this.options.address.replace(/\/$/, "") + path);
    return new Promise((resolve, reject) => {
      const request = start(url, { method, agent: this.#agent, headers: this.#headers, signal }, resolve);
      request.setNoDelay(true);
      request.on("error", reject);
      request.end(body);
    });
  }
}

async function refusalOf(response: IncomingMessage): Promise<TargetError> {
  let text = "";
  for await (const part of response.setEncoding("utf8")) if (text.length < mostErrorBytes) text += String(part);
  return new TargetError(`HTTP ${response.statusCode ?? 0}`, text.trim());
}

function toTargetError(error: unknown): Error {
  if (error instanceof TargetError || !(error instanceof Error))
    return error instanceof Error ? error : new Error(String(error));
  return "code" in error ? new TargetError(String(error.code), error.message) : error;
}
