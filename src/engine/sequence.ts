import { Detokenizer } from "./detokenizer.js";
import { EventChannel } from "./event-channel.js";
import type { GenerationRequest, Stop, TokenDetail } from "./request.js";
import type { RunResult } from "./runner/runner.js";
import type { Candidates } from "./sampling/candidates.js";
import { promptTokenDetail } from "./sampling/token-details.js";
import { TokenChooser, type ChosenToken } from "./sampling/token-chooser.js";
import type { PrefillChunk, Schedulable } from "./scheduler.js";
import { stopReason } from "./stopping.js";

/** What all sequences of a model share. */
export interface SequenceContext {
  readonly eosTokenIds: readonly number[];
  readonly bytesOf: (tokenId: number) => Uint8Array;
  readonly pieceOf: (tokenId: number) => string;
  readonly candidates: Candidates;
}

/** One request inside the engine, from admission to its last event. */
export class Sequence implements Schedulable {
  readonly promptTokens: number;
  cachedTokens = 0;
  slot: number | undefined;
  /** Tokens generated so far, end of text included. */
  completionTokens = 0;
  /** The newest completion token: what the next decode step runs. */
  newestTokenId = 0;
  readonly events = new EventChannel();
  /** Milliseconds on the engine's clock. */
  readonly deadline: number;

  readonly #chooser: TokenChooser;
  readonly #detokenizer: Detokenizer;
  readonly #promptDetails: TokenDetail[] = [];
  /** What the caller has not been told: filled while a step is evaluated, told while the next one runs. */
  #untold: { readonly detail: TokenDetail | undefined; readonly stop: Stop | undefined } | undefined;
  #hasEnded = false;

  constructor(
    readonly request: GenerationRequest,
    private readonly context: SequenceContext,
    now: number,
  ) {
    this.promptTokens = request.promptTokenIds.length;
    this.deadline = now + (request.timeLimitMs ?? Infinity);
    this.#chooser = new TokenChooser(request, context, context.candidates);
    this.#detokenizer = new Detokenizer(request);
    const [firstTokenId] = request.promptTokenIds;
    if (request.details.promptTokens && firstTokenId !== undefined) this.#addPromptDetail(firstTokenId, undefined);
  }

  /** No event will follow, and no token is wanted any more. */
  get hasEnded(): boolean {
    return this.#hasEnded;
  }
`;
