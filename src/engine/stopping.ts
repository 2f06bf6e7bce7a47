import type { GenerationRequest, Stop } from "./request.js";

/** Where a sequence stands after a token. */
export interface GenerationState {
  /** Tokens generated, the last one included. */
  readonly completionTokens: number;
  readonly lastTokenId: number;
  /** On the same clock as `deadlineMs`. */
  readonly nowMs: number;
  /** Undefined = none. */
  readonly deadlineMs: number | undefined;
}

type StopRules = Pick<GenerationRequest, "minNewTokens" | "maxNewTokens" | "isTokenLimited">;

/**
 * Whether a sequence ends with the token just generated, and why; undefined when it goes on. The criteria are those
 * of TGIS in its order: the first that holds is the reason.
 *
 * @param matchStopSequence the stop sequence that the text now has; it is asked, and may cut the text, only when no
 *   other criterion ended the sequence. So a match within the minimum length, or completed by the last token that
 *   is allowed, stays in the text.
 */
export function stopAfterToken(
  request: StopRules,
  state: GenerationState,
  eosTokenIds: ReadonlySet<number>,
  matchStopSequence: () => string | undefined,
): Stop | undefined {
  const { completionTokens, lastTokenId, nowMs, deadlineMs } = state;
  if (deadlineMs !== undefined && nowMs >= deadlineMs) return { reason: "time-limit" };
  if (completionTokens < request.minNewTokens) return undefined;
  if (eosTokenIds.has(lastTokenId)) return { reason: "eos" };
  if (completionTokens >= request.maxNewTokens)
    return { reason: request.isTokenLimited ? "token-limit" : "max-tokens" };
  const sequence = matchStopSequence();
  return sequence === undefined ? undefined : { reason: "stop-sequence", sequence };
}
