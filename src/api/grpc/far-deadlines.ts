import type { IncomingHttpHeaders } from "node:http2";
import type { Server } from "@grpc/grpc-js";
import { wrapPrivateMethod } from "./grpc-js-private.js";

/** As far as a timer of Node reaches, 24.8 days. */
const maxTimerMs = 2 ** 31 - 1;

/** Milliseconds in one of each unit that gRPC counts a deadline in; finer ones cannot get that far. */
const unitMs: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1000, m: 1 };

/**
 * Leaves deadlines that are further away than a timer reaches to the client, which keeps its own.
 *
 * grpc-js cuts the milliseconds of `grpc-timeout` to 32 bits, so that such a call ends at once or at some odd time. It
 * reads the header before any of our code runs, apart from its check of the headers.
 */
export function ignoreFarDeadlines(server: Server): void {
  wrapPrivateMethod(server, "_verifyContentType", (verify) => (stream, headers) => {
    dropFarDeadline(headers as IncomingHttpHeaders);
    return verify(stream, headers);
  });
}

function dropFarDeadline(headers: IncomingHttpHeaders): void {
  const [, count, unit = ""] = /^(\d+)([HMSm])$/.exec(String(headers["grpc-timeout"])) ?? [];
  if (Number(count) * (unitMs[unit] ?? 0) > maxTimerMs) delete headers["grpc-timeout"];
}
