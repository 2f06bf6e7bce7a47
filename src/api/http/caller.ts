import type { FastifyRequest } from "fastify";
import type { Caller } from "../../engine/observer.js";
import { apiCallOf } from "../observer.js";

/** What a request's headers say of who asks, for the log and the metrics; Node joins those that are sent twice. */
export function callerOf({ headers, raw }: FastifyRequest, kind: "single" | "stream"): Caller {
  return {
    correlationId: textOf(headers["x-correlation-id"]),
    traceparent: textOf(headers["traceparent"]),
    call: apiCallOf(raw),
    kind,
  };
}

const textOf = (value: string | readonly string[] | undefined): string | undefined =>
  typeof value === "string" ? value : undefined;
