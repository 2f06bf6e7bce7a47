/**
 * The parameters of a Caikit generation as they arrive: absent = not given, an explicit zero counts as given.
 * Integers are unbounded, because REST lets any size through to the checks.
 */
export interface CaikitParameters {
  readonly maxNewTokens?: bigint | undefined;
  readonly minNewTokens?: bigint | undefined;
  readonly truncateInputTokens?: bigint | undefined;
  readonly decodingMethod?: string | undefined;
  readonly topK?: bigint | undefined;
  readonly topP?: number | undefined;
  readonly typicalP?: number | undefined;
  readonly temperature?: number | undefined;
  readonly repetitionPenalty?: number | undefined;
  /** Seconds. */
  readonly maxTime?: number | undefined;
  readonly exponentialDecayLengthPenalty?:
    | {
        readonly startIndex: bigint;
        /** Undefined when a REST client left it out; over gRPC that is 0. */
        readonly decayFactor: number | undefined;
      }
    | undefined;
  readonly stopSequences: readonly string[];
  readonly seed?: bigint | undefined;
  readonly preserveInputText?: boolean | undefined;
  readonly inputTokens?: boolean | undefined;
  readonly generatedTokens?: boolean | undefined;
  readonly tokenLogprobs?: boolean | undefined;
  readonly tokenRanks?: boolean | undefined;
  readonly includeStopSequence?: boolean | undefined;
}

/** What the original sends to its backend when the client gave none. */
export const defaultMaxNewTokens = 20n;
