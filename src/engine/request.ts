/**
 * What a client asks for (`UncheckedRequest`), and what the engine works on (`GenerationRequest`):
 * validated once at the door, defaults filled in, nothing optional below.
 *
 * Semantics, defaults, limits and the order of the checks are those of TGIS (text-generation-inference,
 * IBM fork); where TGIS lets a value through that it cannot serve (NaN, a huge top-k), it is refused or clamped.
 * What TGIS does not have (a prompt of ids, frequency and presence penalty, logit bias) is OpenAI's, checked last.
 */

/** Pushes the end-of-text logit up once `startIndex` tokens exist: factor `decayFactor ^ (generated - startIndex)`. */
export interface LengthPenalty {
  readonly startIndex: number;
  /** In [1, 10]. */
  readonly decayFactor: number;
}

/** Which tokens are listed in the answer, and what is said of each. */
export interface TokenDetailOptions {
  readonly promptTokens: boolean;
  readonly completionTokens: boolean;
  readonly logprobs: boolean;
  readonly ranks: boolean;
  /** Alternatives listed for each token; 0 = none. */
  readonly topN: number;
}

/** A request as an API understood it. Absent = the default. Values are in contract units and not yet checked. */
export interface UncheckedRequest {
  readonly prompt: string;
  /** The prompt as ids, taken as they are; `prompt` is then its text only. Absent: `prompt` is tokenized. */
  readonly promptTokenIds?: readonly number[] | undefined;
  readonly method: "greedy" | "sample";
  /** Ignored, and not validated, when greedy: temperature, topK, topP, typicalP, seed. 0 counts as absent. */
  readonly temperature?: number | undefined;
  readonly topK?: number | undefined;
  readonly topP?: number | undefined;
  readonly typicalP?: number | undefined;
  /** Unsigned 64 bit. Absent: drawn (32 bit) and reported. */
  readonly seed?: bigint | undefined;
  /** 0 counts as absent. */
  readonly repetitionPenalty?: number | undefined;
  readonly lengthPenalty?: LengthPenalty | undefined;
  /** In [-2, 2]: taken off a token's logit once for each time it is in the completion. */
  readonly frequencyPenalty?: number | undefined;
  /** In [-2, 2]: taken off the logit of each token that is in the completion. */
  readonly presencePenalty?: number | undefined;
  /** Token id to what is added to its logit, clamped to [-100, 100]. */
  readonly logitBias?: ReadonlyMap<number, number> | undefined;
  /** 0 counts as absent: 20. */
  readonly maxNewTokens?: number | undefined;
  readonly minNewTokens?: number | undefined;
  readonly stopSequences?: readonly string[] | undefined;
  /** Absent: the server's setting. */
  readonly includeStopSequence?: boolean | undefined;
  /** 0 counts as absent: no limit. */
  readonly timeLimitMs?: number | undefined;
  /** Keep only the last n prompt tokens. 0 counts as absent: all. */
  readonly truncatePromptTokens?: number | undefined;
  /** The answer's text begins with the prompt's (untruncated) text. */
  readonly includePromptText?: boolean | undefined;
  readonly details?: Partial<TokenDetailOptions> | undefined;
}

/** How the next token is chosen when not greedy. Neutral values (1, 0) switch a step off. */
export interface SamplingParameters {
  /** >= 0.05; 1 is neutral. */
  readonly temperature: number;
  /** 0 = off; at most the vocabulary's size. */
  readonly topK: number;
  /** (0, 1]; 1 = off. */
  readonly topP: number;
  /** (0, 1]; 1 = off. */
  readonly typicalP: number;
  readonly seed: bigint;
}

export interface GenerationRequest {
  readonly promptText: string;
  /** After truncation, special tokens included. At least one. */
  readonly promptTokenIds: readonly number[];
  /** Undefined = greedy. */
  readonly sampling: SamplingParameters | undefined;
  /** 1 = off. */
  readonly repetitionPenalty: number;
  readonly lengthPenalty: LengthPenalty | undefined;
  /** 0 = off. */
  readonly frequencyPenalty: number;
  /** 0 = off. */
  readonly presencePenalty: number;
  /** Undefined = off. */
  readonly logitBias: ReadonlyMap<number, number> | undefined;
  /** After lowering to what fits: `promptTokenIds.length + maxNewTokens <= maxSequenceLength`. */
  readonly maxNewTokens: number;
  /** `maxNewTokens` was lowered to fit; reaching it is `token-limit`, not `max-tokens`. */
  readonly isTokenLimited: boolean;
  readonly minNewTokens: number;
  readonly stopSequences: readonly string[];
  readonly includeStopSequence: boolean;
  /** Undefined = none. Counted from the moment of validation. */
  readonly timeLimitMs: number | undefined;
  readonly includePromptText: boolean;
  readonly details: TokenDetailOptions;
}

/** Limits that validation needs; derived from settings and model at start. */
export interface RequestLimits {
  /** Prompt and completion tokens together (TGIS: L). */
  readonly maxSequenceLength: number;
  /** TGIS: N. Already capped at `maxSequenceLength - 1`. */
  readonly maxNewTokens: number;
  readonly vocabularySize: number;
  readonly includeStopSequenceByDefault: boolean;
  /** Longest text that is tokenized, in UTF-16 code units, since tokenizing holds up everyone else. Absent: no limit. */
  readonly maxPromptCharacters?: number | undefined;
}

/** Why a sequence ended. */
export type StopReason = "eos" | "max-tokens" | "token-limit" | "stop-sequence" | "time-limit" | "cancelled" | "error";

/** One alternative to a token, best first. */
export interface TopToken {
  readonly id: number;
  /** The raw vocabulary entry, e.g. `Ġfirst`; empty if the id has none. */
  readonly piece: string;
  /** Natural logarithm; 0 when not asked for. */
  readonly logprob: number;
}

/** A prompt or completion token in the answer. */
export interface TokenDetail extends TopToken {
  /** 1 + number of vocabulary entries with a strictly greater score; 0 when not asked for, and for the first prompt token. */
  readonly rank: number;
  readonly top: readonly TopToken[];
}

/**
 * What a generation yields, in this order: `started` (at once, before queueing), `prompt` (only when
 * `details.promptTokens`, after prefill), then `tokens`, the last of them with `stop`.
 *
 * The texts joined are the whole text. An event may carry text of several tokens or none; with
 * `details.completionTokens` there is one event for each token.
 */
export type GenerationEvent =
  | {
      readonly type: "started";
      readonly promptTokens: number;
      /** 0n when greedy. */
      readonly seed: bigint;
      /** The prompt's text when `includePromptText`, else empty. */
      readonly text: string;
    }
  | { readonly type: "prompt"; readonly tokens: readonly TokenDetail[] }
  | {
      readonly type: "tokens";
      readonly text: string;
      /** Empty unless `details.completionTokens`. */
      readonly tokens: readonly TokenDetail[];
      /** Tokens generated so far, end of text included. */
      readonly completionTokens: number;
      readonly stop?: Stop;
    };

export interface Stop {
  readonly reason: StopReason;
  /** The stop sequence that matched; with reason `stop-sequence` only. */
  readonly sequence?: string;
}
