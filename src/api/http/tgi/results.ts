import type { GenerationEvent, StopReason, TokenDetail } from "../../../engine/request.js";
import { InternalError } from "../../../errors.js";
import { toToken, type TextModel, type Token } from "../text-model.js";
import type { GenerateParameters } from "./generate-body.js";

export type FinishReason = "length" | "eos_token" | "stop_sequence";

const finishReasons = {
  eos: "eos_token",
  "stop-sequence": "stop_sequence",
  "max-tokens": "length",
  "token-limit": "length",
  "time-limit": "length",
  cancelled: "length",
  error: "length",
} as const satisfies Record<StopReason, FinishReason>;

/** What the last event of a stream says of the whole. */
export interface StreamDetails {
  readonly finish_reason: FinishReason;
  readonly generated_tokens: number;
  /** `null` when greedy. */
  readonly seed: number | null;
  readonly input_length: number;
}

/** One event of a stream: one token. */
export interface StreamEvent {
  /** Counted from 1. */
  readonly index: number;
  readonly token: Token;
  /** Only when alternatives were asked for. */
  readonly top_tokens?: readonly Token[];
  /** The whole text, with the last token. */
  readonly generated_text: string | null;
  /** With the last token, when asked for. */
  readonly details: StreamDetails | null;
}

export type PrefillToken = Omit<Token, "special">;

export interface GenerateResult {
  readonly generated_text: string;
  readonly details?: Omit<StreamDetails, "input_length"> & {
    readonly prefill: readonly PrefillToken[];
    readonly tokens: readonly Token[];
    readonly top_tokens?: readonly (readonly Token[])[];
  };
}

/** Tokens with the text so far: what both kinds of answer are made of. */
export class TokenStream {
  text = "";
  prefill: readonly PrefillToken[] = [];
  #promptTokens = 0;
  #seed: number | null = null;

  constructor(
    private readonly parameters: GenerateParameters,
    private readonly model: TextModel,
    private readonly isSampled: boolean,
  ) {}

  /** One event for each token. The seed is exact up to 2^53, which drawn ones never reach. */
  async *read(events: AsyncIterable<GenerationEvent>): AsyncGenerator<StreamEvent> {
    for await (const event of events) {
      switch (event.type) {
        case "started":
          this.text = event.text;
          this.#promptTokens = event.promptTokens;
          this.#seed = this.isSampled ? Number(event.seed) : null;
          break;
        case "prompt":
          this.prefill = event.tokens.map((token) => this.#toPrefillToken(token));
          break;
        case "tokens":
          this.text += event.text;
          for (const token of event.tokens) yield this.#toStreamEvent(token, event);
      }
    }
  }

  #toStreamEvent(detail: TokenDetail, event: GenerationEvent & { readonly type: "tokens" }): StreamEvent {
    const { top_n_tokens: topN = 0 } = this.parameters;
    const { completionTokens, stop, text } = event;
    const topTokens = detail.top.slice(0, topN).map((token) => toToken(token, this.model));
    return {
      index: completionTokens,
      token: toToken(detail, this.model, text),
      ...(topN > 0 && { top_tokens: topTokens }),
      generated_text: stop === undefined ? null : this.text,
      details: stop === undefined ? null : this.#detailsOf(stop.reason, completionTokens),
    };
  }

  #detailsOf(reason: StopReason, completionTokens: number): StreamDetails {
    return {
      finish_reason: finishReasons[reason],
      generated_tokens: completionTokens,
      seed: this.#seed,
      input_length: this.#promptTokens,
    };
  }

  #toPrefillToken(detail: TokenDetail): PrefillToken {
    const { id, text, logprob } = toToken(detail, this.model);
    return { id, text, logprob };
  }
}

/**
 * An answer in one piece, with its tokens: the fold of the stream.
 * @throws {InternalError} when the events end without a stop reason.
 */
export async function foldTokens(stream: TokenStream, events: AsyncIterable<GenerationEvent>): Promise<GenerateResult> {
  const tokens: Token[] = [];
  const topTokens: (readonly Token[])[] = [];
  for await (const { token, top_tokens, generated_text, details } of stream.read(events)) {
    tokens.push(token);
    if (top_tokens !== undefined) topTokens.push(top_tokens);
    if (generated_text === null || details === null) continue;
    const { finish_reason, generated_tokens, seed } = details;
    const told = { finish_reason, generated_tokens, seed, prefill: stream.prefill, tokens };
    return { generated_text, details: topTokens.length === 0 ? told : { ...told, top_tokens: topTokens } };
  }
  throw new InternalError("the generation ended without a stop reason");
}
