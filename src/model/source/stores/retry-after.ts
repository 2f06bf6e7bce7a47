/**
 * Milliseconds that a server asks to wait, from its `Retry-After` header: seconds, or a date (RFC 9110, 10.2.3).
 * Undefined when there is none that can be read.
 */
export function parseRetryAfter(header: string | undefined, nowMs: number): number | undefined {
  if (header === undefined) return undefined;
  if (/^\d+$/.test(header.trim())) return Number(header) * 1000;
  const date = Date.parse(header);
  return Number.isNaN(date) ? undefined : Math.max(0, date - nowMs);
}
