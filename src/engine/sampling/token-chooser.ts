import { InternalError } from "../../errors.js";
import type { GenerationRequest, SamplingParameters, TokenDetail } from "../request.js";
import type { RunResult } from "../runner/runner.js";
import { argmax } from "./argmax.js";
import type { Candidates, ScoredTokens } from "./candidates.js";
import { refreshMaxima, type BlockedLogits } from "./logit-blocks.js";
import { keepTopP, keepTypicalP } from "./mass-filters.js";
import { addBias, penaliseLength, penaliseOccurrences, penaliseRepetition, suppress } from "./penalties.js";
import { describeToken, needsScores, plainDetail, type PieceOf } from "./token-details.js";
import { Xoshiro128 } from "./xoshiro.js";

/** What choosing needs to know of the model. */
export interface ChoiceVocabulary {
  /** Any of these ends the text. */
  readonly eosTokenIds: ReadonlySet<number>;
  readonly pieceOf: PieceOf;
}

export interface ChosenToken {
  readonly id: number;
  /** Undefined unless completion tokens are to be listed. */
  readonly detail: TokenDetail | undefined;
}

interface Sampler {
  readonly parameters: SamplingParameters;
  readonly random: Xoshiro128;
}

/**
 * Chooses the tokens of one sequence, one after the other, as the reference does: minimum length, length penalty,
 * repetition penalty, frequency and presence penalty, logit bias, temperature, top-k, top-p, typical-p, then the highest score or a draw. What it remembers
 * (how many tokens there are, which have occurred, the state of its generator) belongs to the sequence alone, so
 * the choice depends on nothing but the request and the logits.
 */
export class TokenChooser {
  readonly #request: GenerationRequest;
  readonly #vocabulary: ChoiceVocabulary;
  readonly #candidates: Candidates;
  /** Undefined when greedy. */
  readonly #sampler: Sampler | undefined;
  /** Distinct ids of prompt and completion; undefined when there is no repetition penalty. */
  readonly #contextTokenIds: Set<number> | undefined;
  /** How often each id is in the completion; undefined when there is no frequency or presence penalty. */
  readonly #completionCounts: Map<number, number> | undefined;
  #completionTokens = 0;

  /** @param candidates shared by all choosers of the model; used only within a call. */
  constructor(request: GenerationRequest, vocabulary: ChoiceVocabulary, candidates: Candidates) {
    this.#request = request;
    this.#vocabulary = vocabulary;
    this.#candidates = candidates;
    const parameters = request.sampling;
    this.#sampler = parameters && { parameters, random: Xoshiro128.fromSeed(parameters.seed) };
    this.#contextTokenIds = request.repetitionPenalty === 1 ? undefined : new Set(request.promptTokenIds);
    const countsMatter = request.frequencyPenalty !== 0 || request.presencePenalty !== 0;
    this.#completionCounts = countsMatter ? new Map() : undefined;
  }

  /**
   * The next token without a look at the logits, where `tokenId`, the lowest id with the highest raw logit, must
   * be it and nothing is to be said of it that needs other scores. Undefined: call `fromLogits` for this step.
   */
  fromGreedyToken(tokenId: number): ChosenToken | undefined {
    const { sampling, details } = this.#request;
    if (sampling !== undefined || !this.#takesLogitsAsTheyAre()) return undefined;
    // Suppressing the end-of-text tokens changes nothing for a token that is above them anyway.
    if (this.#isHoldingOffEos() && this.#vocabulary.eosTokenIds.has(tokenId)) return undefined;
    this.#remember(tokenId);
    return {
      id: tokenId,
      detail: details.completionTokens ? plainDetail(tokenId, this.#vocabulary.pieceOf) : undefined,
    };
  }

  /**
   * The next token drawn from the highest logits of a row, where the request draws from no others. Undefined: call
   * `fromLogits` for this step.
   */
  fromTopLogits(result: Pick<RunResult, "topLogits">, row: number): ChosenToken | undefined {
    const sampler = this.#sampler;
    if (sampler === undefined || sampler.parameters.topK === 0) return undefined;
    if (!this.#takesLogitsAsTheyAre() || this.#isHoldingOffEos()) return undefined;
    const { topK, temperature } = sampler.parameters;
    const top = result.topLogits(row);
    if (top === undefined || !this.#candidates.takeFromTop(top, topK, Math.fround(temperature))) return undefined;
    const choice = this.#drawFromCandidates(sampler);
    this.#remember(choice.id);
    return choice;
  }

  /**
   * The next token from the logits of the last position, which are modified in place.
   * @param logits one for each id of the vocabulary.
   * @throws {InternalError} when a logit is NaN or +infinity, or all are -infinity. A single NaN may go unseen where
   * the draw is from the highest few of many.
   */
  fromLogits(logits: BlockedLogits): ChosenToken {
    const { row } = logits;
    const { vocabularySize } = this.#candidates;
    if (row.length !== vocabularySize) {
      throw new InternalError(`a row of logits has ${row.length} entries, the vocabulary ${vocabularySize}`);
    }
    this.#penalise(logits);
    const choice = this.#sampler === undefined ? this.#chooseHighest(logits) : this.#draw(logits, this.#sampler);
    this.#remember(choice.id);
    return choice;
  }

  #penalise(logits: BlockedLogits): void {
    const { row } = logits;
    const { lengthPenalty, repetitionPenalty, frequencyPenalty, presencePenalty, logitBias } = this.#request;
    const { eosTokenIds } = this.#vocabulary;
    const excess = this.#lengthExcess();
    const isHoldingOffEos = this.#isHoldingOffEos();
    if (isHoldingOffEos) suppress(row, eosTokenIds);
    else if (lengthPenalty !== undefined && excess > 0) penaliseLength(row, eosTokenIds, lengthPenalty, excess);
    if (isHoldingOffEos || excess > 0) refreshMaxima(logits, eosTokenIds);
    const contextTokenIds = this.#contextTokenIds;
    if (contextTokenIds !== undefined) {
      penaliseRepetition(row, contextTokenIds, repetitionPenalty);
      refreshMaxima(logits, contextTokenIds);
    }
    const counts = this.#completionCounts;
    if (counts !== undefined) {
      penaliseOccurrences(row, counts, frequencyPenalty, presencePenalty);
      refreshMaxima(logits, counts.keys());
    }
    if (logitBias !== undefined) {
      addBias(row, logitBias);
      refreshMaxima(logits, logitBias.keys());
    }
  }

  #chooseHighest({ row }: BlockedLogits): ChosenToken {
    return this.#describe(this.#candidates.wholeRow(row), argmax(row, row.length));
  }

  #draw(logits: BlockedLogits, sampler: Sampler): ChosenToken {
    const { temperature, topK } = sampler.parameters;
    const candidates = this.#candidates;
    const divisor = Math.fround(temperature);
    if (topK > 0 && topK < logits.row.length) candidates.takeHighest(logits, topK, divisor);
    else candidates.takeAll(logits.row, divisor);
    return this.#drawFromCandidates(sampler);
  }

  #drawFromCandidates({ parameters: { topP, typicalP }, random }: Sampler): ChosenToken {
    const candidates = this.#candidates;
    if (topP < 1) keepTopP(candidates, topP);
    if (typicalP < 1) keepTypicalP(candidates, typicalP);
    return this.#describe(candidates, candidates.positionAt(random.nextUniform()));
  }

  #describe(tokens: ScoredTokens, position: number): ChosenToken {
    const { details } = this.#request;
    const { pieceOf } = this.#vocabulary;
    const detail = details.completionTokens
      ? describeToken(tokens, position, details, pieceOf, this.#candidates)
      : undefined;
    return { id: tokens.ids[position] ?? 0, detail };
  }

  #remember(tokenId: number): void {
    this.#completionTokens += 1;
    this.#contextTokenIds?.add(tokenId);
    const counts = this.#completionCounts;
    counts?.set(tokenId, (counts.get(tokenId) ?? 0) + 1);
  }

  /** Nothing changes them before the choice, but for holding off the end of the text, and nothing is said of others. */
  #takesLogitsAsTheyAre(): boolean {
    const { repetitionPenalty, logitBias, details } = this.#request;
    if (repetitionPenalty !== 1 || this.#completionCounts !== undefined || logitBias !== undefined) return false;
    return !(details.completionTokens && needsScores(details)) && this.#lengthExcess() === 0;
  }

  #isHoldingOffEos(): boolean {
    return this.#completionTokens < this.#request.minNewTokens;
  }

  /** Tokens over the start of the length penalty; 0 when it has no effect on the next token. */
  #lengthExcess(): number {
    const { lengthPenalty } = this.#request;
    if (lengthPenalty === undefined || lengthPenalty.decayFactor === 1 || this.#isHoldingOffEos()) return 0;
    return Math.max(0, this.#completionTokens - lengthPenalty.startIndex);
  }
}
