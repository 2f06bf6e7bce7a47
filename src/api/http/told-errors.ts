import { randomUUID } from "node:crypto";
import type { Logger } from "../log.js";

/** What fastify refuses by itself: a body that is no JSON, too large, of another content type. */
export function refusedBeforeUs(error: unknown): { readonly status: number; readonly message: string } | undefined {
  if (!(error instanceof Error && "statusCode" in error && typeof error.statusCode === "number")) return undefined;
  const { statusCode: status, message } = error;
  return status >= 400 && status < 500 ? { status, message } : undefined;
}

/**
 * Logs what an answer must not show.
 * @returns the text for the client, with the request id that the log has too.
 */
export function hideError(error: unknown, path: string, log: Logger): string {
  const requestId = randomUUID();
  log.error("call failed", { path, requestId, error });
  return `internal error (request id ${requestId})`;
}
