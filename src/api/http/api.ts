import type { FastifyInstance, FastifyRequest } from "fastify";
import { InternalError } from "../../errors.js";

/**
 * One HTTP API: registers its routes, and an error handler that words errors as its contract does. It gets a scope of
 * its own: handlers, hooks, content-type parsers and plugins that it adds there concern its own routes only.
 */
export type HttpApi = (app: FastifyInstance) => void | Promise<void>;

/** A request that the server turns away before its API sees it. */
export interface Refusal {
  /** Of the answer: 401 without a key, 503 while the server shuts down. */
  readonly status: number;
  /** For the client, in the server's own words. */
  readonly message: string;
}

declare module "fastify" {
  interface FastifyInstance {
    /** How the API of this scope words a refusal: the answer's JSON. An API that has none says nothing of it. */
    wordRefusal?: (refusal: Refusal) => object;
  }
}

const signals = new WeakMap<FastifyRequest["raw"], AbortSignal>();

/** Said by the server, once for each request. */
export function setAbortSignal(request: FastifyRequest, signal: AbortSignal): void {
  signals.set(request.raw, signal);
}

/** Aborted when the client goes away before its answer is complete, and when the server stops. */
export function abortSignalOf(request: FastifyRequest): AbortSignal {
  const signal = signals.get(request.raw);
  if (signal === undefined) throw new InternalError("the request did not come through the server");
  return signal;
}
