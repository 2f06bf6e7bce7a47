import type { Metadata } from "@grpc/grpc-js";
import type { Caller } from "../../engine/observer.js";
import { apiCallOf } from "../observer.js";

/** What a call's metadata says of who asks, for the log and the metrics. */
export function callerOf(metadata: Metadata): Caller {
  return {
    correlationId: textOf(metadata, "x-correlation-id"),
    traceparent: textOf(metadata, "traceparent"),
    call: apiCallOf(metadata),
  };
}

function textOf(metadata: Metadata, name: string): string | undefined {
  const value = metadata.get(name)[0];
  return typeof value === "string" ? value : undefined;
}
