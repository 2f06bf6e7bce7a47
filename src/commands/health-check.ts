/** Asks a server how it is over HTTP, and what any such answer says (grpc-health-check.ts does it over gRPC). */
import http, { type IncomingMessage } from "node:http";
import https from "node:https";
import { text } from "node:stream/consumers";

export interface HealthAnswer {
  /** `silent`: something listens there and did not answer in time. `unreachable`: nothing listens. */
  readonly state: "serving" | "not-serving" | "unreachable" | "silent";
  /** What the server said, or what went wrong. */
  readonly detail: string;
}

/**
 * Any status below 400 counts as serving. Certificates are not verified: a probe asks its own machine, by an address
 * that no certificate names.
 */
export async function askOverHttp(address: URL, timeoutMs: number): Promise<HealthAnswer> {
  const signal = AbortSignal.timeout(timeoutMs);
  try {
    const response = await get(address, signal);
    const { statusCode = 0 } = response;
    const detail = `${statusCode} ${await text(response)}`.trim();
    return { state: statusCode < 400 ? "serving" : "not-serving", detail };
  } catch (error) {
    if (signal.aborted) return silent(timeoutMs);
    return { state: "unreachable", detail: error instanceof Error ? error.message : String(error) };
  }
}

/** What there is to say of a server that does not answer. */
export function silent(timeoutMs: number): HealthAnswer {
  return { state: "silent", detail: `no answer within ${timeoutMs} ms` };
}

async function get(address: URL, signal: AbortSignal): Promise<IncomingMessage> {
  const options = { signal, agent: false } as const;
  return new Promise((resolve, reject) => {
    const request =
      address.protocol === "https:"
        ? https.get(address, { ...options, rejectUnauthorized: false }, resolve)
        : http.get(address, options, resolve);
    request.once("error", reject);
  });
}
