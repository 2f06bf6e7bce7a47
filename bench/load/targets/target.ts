/** What is measured: one interface, and behind it one file for each API. */
import type { LoadRequest } from "../scenario/requests.js";

export const apis = ["tgis", "caikit", "openai", "tgi"] as const;
export type Api = (typeof apis)[number];

/** How to reach a server. Plain data: it goes to the clients' processes. */
export interface TargetOptions {
  readonly api: Api;
  /** `HOST:PORT` of a gRPC API; the URL of an HTTP API, up to but without its own paths (`/v1`, `/generate_stream`). */
  readonly address: string;
  /** Undefined: plain. */
  readonly tls: TlsOptions | undefined;
  /** Sent as `authorization: Bearer KEY`. */
  readonly apiKey: string | undefined;
  readonly modelId: string;
}

/** All in PEM. */
export interface TlsOptions {
  /** Undefined: those that Node trusts. */
  readonly ca: string | undefined;
  /** What the client shows of itself, with `key`. */
  readonly cert: string | undefined;
  readonly key: string | undefined;
  /** Takes any certificate. */
  readonly isInsecure: boolean;
}

/** What the server says that it has counted; undefined where its API does not say. */
export interface TokenCounts {
  readonly promptTokens: number | undefined;
  readonly completionTokens: number | undefined;
}

/**
 * Told with each part of an answer: how many completion tokens there are so far, by the server's count; undefined where
 * the API counts at the end only. The texts of all parts together are the answer.
 */
export type OnTokens = (completionTokens: number | undefined, text: string) => void;

/** A client of one server, with connections of its own. */
export interface Target {
  /**
   * Asks for a stream and reads it to its end.
   *
   * @throws {TargetError} when there was no whole answer.
   */
  generate(request: LoadRequest, onTokens: OnTokens, signal: AbortSignal): Promise<TokenCounts>;
  close(): void;
}

/** A request that failed, for whatever reason. */
export class TargetError extends Error {
  override readonly name = "TargetError";

  /** @param code what reports count by: `RESOURCE_EXHAUSTED`, `HTTP 429`, `ECONNREFUSED`, `timeout`. */
  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

/** The code of a request that the harness itself gave up. */
export const timeoutCode = "timeout";
