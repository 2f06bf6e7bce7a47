/**
 * Connections to keep for a download of so many parts at once: twice as many, since a part that stalls is asked for a
 * second time while the first request still holds its connection.
 */
export function poolSize(parts: number): number {
  return 2 * parts;
}
