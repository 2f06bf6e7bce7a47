/** The numbers from which the contract's buckets are made. */
export interface BucketLimits {
  /** Prompt and completion tokens together (TGIS: L). */
  readonly maxSequenceLength: number;
  /** After it was lowered to what the sequence length allows (TGIS: N). */
  readonly maxNewTokens: number;
  /** Sequences that run together (TGIS: B). */
  readonly slots: number;
}

/** `duration`, `sequence`, `new-tokens`, `batch` and `tokenized` are TGIS's rules (D, S, N, B, T). */
export type BucketRule = "duration" | "sequence" | "new-tokens" | "batch" | "tokenized";

/** The upper bounds of a histogram's buckets, `+Inf` not among them. */
export function bucketsOf(rule: BucketRule, limits: BucketLimits): number[] {
  switch (rule) {
    case "duration":
      return durations();
    case "sequence":
      return parts(limits.maxSequenceLength);
    case "new-tokens":
      return parts(limits.maxNewTokens);
    case "batch":
      return Array.from({ length: limits.slots }, (_, index) => index + 1);
    case "tokenized":
      return Array.from({ length: 14 }, (_, index) => 2 ** (index + 6));
  }
}

/** By repeated multiplication: a power would end in other digits, and a bound is part of its series' name. */
function durations(): number[] {
  let bound = 0.0001;
  return Array.from({ length: 35 }, () => (bound *= 1.5));
}

function parts(limit: number): number[] {
  return Array.from({ length: 64 }, (_, index) => (limit / 64) * (index + 1));
}
