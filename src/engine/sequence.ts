import { Detokenizer } from "./detokenizer.js";
import { EventChannel } from "./event-channel.js";
import type { Caller } from "./observer.js";
import type { GenerationRequest, Stop, StopReason, TokenDetail } from "./request.js";
import type { RunResult } from "./runner/runner.js";
import type { Candidates } from "./sampling/candidates.js";
import { TokenChooser, type ChosenToken } from "./sampling/token-chooser.js";
import { promptTokenDetail } from "./sampling/token-details.js";
import type { Schedulable } from "./scheduler.js";
import { Speculator } from "./speculation/speculator.js";
import { stopAfterToken } from "./stopping.js";

/** What all sequences of a model share. */
export interface SequenceContext {
  readonly eosTokenIds: ReadonlySet<number>;
  readonly bytesOf: (tokenId: number) => Uint8Array;
  readonly pieceOf: (tokenId: number) => string;
  readonly candidates: Candidates;
  /** Whether several tokens may be computed in one run: where that gives the same bits as one after the other. */
  readonly isSpeculating: boolean;
  readonly vocabularySize: number;
}

/** One request inside the engine, from admission to its last event. */
export class Sequence implements Schedulable {
  readonly promptTokens: number;
  readonly mayReusePrefix: boolean;
  cachedTokens = 0;
  reusedTokens = 0;
  slot: number | undefined;
  readonly events = new EventChannel();
  /** Milliseconds on the engine's clock, as all its times; undefined = none. */
  readonly deadlineMs: number | undefined;
  /** When it was admitted. */
  queuedMs: number;
  /** When its first run was launched; noted only while the engine is observed. */
  startedMs: number | undefined;
  /** When its first token was chosen. */
  firstTokenMs: number | undefined;
  /** When its newest token was chosen. */
  newestTokenMs: number | undefined;

  readonly #chooser: TokenChooser;
  readonly #detokenizer: Detokenizer;
  readonly #tokenIds: number[];
  readonly #speculator: Speculator | undefined;
  readonly #promptDetails: TokenDetail[] = [];
  /** Of the newest token, until the caller is told. */
  #detail: TokenDetail | undefined;
  /** The caller was not told of the newest token. */
  #isUntold = false;
  #stop: Stop | undefined;

  constructor(
    readonly request: GenerationRequest,
    private readonly context: SequenceContext,
    readonly arrivalMs: number,
    readonly caller: Caller = {},
  ) {
    const { promptTokenIds, timeLimitMs, stopSequences, includeStopSequence } = request;
    this.promptTokens = promptTokenIds.length;
    this.mayReusePrefix = !request.details.promptTokens;
    this.#tokenIds = [...promptTokenIds];
    this.#speculator = context.isSpeculating ? new Speculator(this.#tokenIds, context.vocabularySize) : undefined;
    this.queuedMs = arrivalMs;
    this.deadlineMs = timeLimitMs === undefined ? undefined : arrivalMs + timeLimitMs;
    this.#chooser = new TokenChooser(request, context, context.candidates);
    this.#detokenizer = new Detokenizer(stopSequences, includeStopSequence);
  }

  /** The prompt's and those generated so far. */
  get tokenIds(): readonly number[] {
    return this.#tokenIds;
  }

  /** The newest completion token: what the next decode runs. */
  get newestTokenId(): number {
    return this.#tokenIds.at(-1) ?? 0; // a prompt has a token
  }

  /** It has its last token. */
  get hasStopped(): boolean {
    return this.#stop !== undefined;
  }

  get stopReason(): StopReason | undefined {
    return this.#stop?.reason;
  }

  /** Tokens generated so far. */
  get completionTokens(): number {
    return this.#tokenIds.length - this.promptTokens;
  }

  isExpired(nowMs: number): boolean {
    return this.deadlineMs !== undefined && nowMs >= this.deadlineMs;
  }

  /** Tokens that may come next, fewer than are left to generate; often none. */
  draft(): readonly number[] {
    const left = this.request.maxNewTokens - this.completionTokens;
    return left > 1 ? (this.#speculator?.draft(left - 1) ?? []) : [];
  }

  /** Of a draft of `drafted` tokens, the first `accepted` were right. */
  verified(drafted: number, accepted: number): void {
    this.#speculator?.verified(drafted, accepted);
  }

  /** Chooses the next token from a row of a run, and decides whether it is the last. */
  takeToken(result: RunResult, row: number, nowMs: number): void {
    if (this.#isUntold) this.tell(); // several tokens of one run: each is told by itself
    this.#isUntold = true;
    const chosen = this.#choose(result, row);
    this.firstTokenMs ??= nowMs;
    this.newestTokenMs = nowMs;
    this.#tokenIds.push(chosen.id);
    this.#detail = chosen.detail;
    this.#detokenizer.push(this.context.bytesOf(chosen.id));
    const state = {
      completionTokens: this.completionTokens,
      lastTokenId: chosen.id,
      nowMs,
      deadlineMs: this.deadlineMs,
    };
    this.#stop = stopAfterToken(this.request, state, this.context.eosTokenIds, () =>
      this.#detokenizer.matchStopSequence(),
    );
  }

  /** Tells the caller about the newest token; nothing when there is nothing to say. */
  tell(): void {
    this.#isUntold = false;
    const tokens = this.#detail === undefined ? [] : [this.#detail];
    const stop = this.#stop;
    const text = stop === undefined ? this.#detokenizer.takeFinal() : this.#detokenizer.finish();
    if (text === "" && tokens.length === 0 && stop === undefined) return;
    const completionTokens = this.completionTokens;
    this.events.push({ type: "tokens", text, tokens, completionTokens, ...(stop && { stop }) });
  }

  /** Ends without a token because the time was over before there was one. */
  expire(): void {
    this.#stop = { reason: "time-limit" };
    this.tell();
  }

  /**
   * Details of the prompt tokens that a chunk [start, end) decides; with the last chunk the caller is told all of them.
   * Row i has the logits of position `start + i`, which say how likely the token after it was.
   */
  describePrompt(start: number, end: number, result: RunResult): void {
    if (start === 0) this.#describePromptToken(0, undefined);
    for (let position = start; position < Math.min(end, this.promptTokens - 1); position += 1) {
      this.#describePromptToken(position + 1, result.logits(position - start));
    }
    if (end === this.promptTokens) this.events.push({ type: "prompt", tokens: this.#promptDetails });
  }

  #choose(result: RunResult, row: number): ChosenToken {
    const selected =
      this.request.sampling === undefined ? this.#chooseHighest(result, row) : this.#chooser.fromTopLogits(result, row);
    if (selected !== undefined) return selected;
    return this.#chooser.fromLogits({ row: result.logits(row), maxima: result.blockMaxima(row) });
  }

  #chooseHighest(result: RunResult, row: number): ChosenToken | undefined {
    const highest = result.highestToken(row);
    return highest === undefined ? undefined : this.#chooser.fromGreedyToken(highest);
  }

  #describePromptToken(position: number, rowBefore: Float32Array | undefined): void {
    const { promptTokenIds, details } = this.request;
    const { pieceOf, candidates } = this.context;
    const id = promptTokenIds[position] ?? 0;
    this.#promptDetails.push(promptTokenDetail(id, rowBefore, details, pieceOf, candidates));
  }
}
