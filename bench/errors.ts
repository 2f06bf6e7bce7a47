/** The benchmark itself is broken: what it measures did not happen. A slow result is not one of these. */
export class HarnessError extends Error {
  override readonly name = "HarnessError";
}

/** A mistake on the command line. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}
