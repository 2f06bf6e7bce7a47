import type { Secret } from "../location/secret.js";

/**
 * An error of a library as a cause that may be logged: its name and message without the secrets, and nothing of what
 * else hangs on it (requests, headers, the server's answer).
 */
export function scrubbedCause(error: unknown, secrets: readonly Secret[]): Error {
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return new Error(scrub(text, secrets));
}

function scrub(text: string, secrets: readonly Secret[]): string {
  return secrets
    .map((secret) => secret.reveal())
    .filter((secret) => secret !== "")
    .reduce((rest, secret) => rest.replaceAll(secret, "****"), text);
}
