/** What is said of a token besides its id: computed from scores only where it was asked for. */
import type { TokenDetail, TokenDetailOptions, TopToken } from "../request.js";
import { argmax } from "./argmax.js";
import type { Candidates, ScoredTokens } from "./candidates.js";
import { expOfMinus } from "./exp.js";
import { selectLargest } from "./select-largest.js";

/** The raw vocabulary entry of an id. */
export type PieceOf = (id: number) => string;

/** True when the options ask for something that needs the scores of the other tokens. */
export function needsScores({ logprobs, ranks, topN }: TokenDetailOptions): boolean {
  return logprobs || ranks || topN > 0;
}

/** A token of which only the id and the piece were asked for. */
export function plainDetail(id: number, pieceOf: PieceOf): TokenDetail {
  return { id, piece: pieceOf(id), logprob: 0, rank: 0, top: [] };
}

/**
 * A prompt token.
 * @param rowBefore raw logits of the position before it; undefined for the first, of which the model says nothing.
 */
export function promptTokenDetail(
  id: number,
  rowBefore: Float32Array | undefined,
  options: TokenDetailOptions,
  pieceOf: PieceOf,
  candidates: Candidates,
): TokenDetail {
  if (rowBefore !== undefined) return describeToken(candidates.wholeRow(rowBefore), id, options, pieceOf, candidates);
  return { ...plainDetail(id, pieceOf), logprob: options.logprobs ? NaN : 0 };
}

/**
 * The token at `position` among all that have a score; the others are impossible.
 * @param scratch lends its selection buffers; `tokens` may be the same object.
 */
export function describeToken(
  tokens: ScoredTokens,
  position: number,
  options: TokenDetailOptions,
  pieceOf: PieceOf,
  scratch: Candidates,
): TokenDetail {
  const id = tokens.ids[position] ?? 0;
  if (!needsScores(options)) return plainDetail(id, pieceOf);
  const score = tokens.scores[position] ?? 0;
  const logNormaliser = options.logprobs ? logSumExp(tokens) : undefined;
  return {
    id,
    piece: pieceOf(id),
    logprob: logprobOf(score, logNormaliser),
    rank: options.ranks ? 1 + countAbove(score, tokens) : 0,
    top: options.topN > 0 ? topTokens(tokens, options.topN, logNormaliser, pieceOf, scratch) : [],
  };
}

/**
 * All tokens that reach the n-th highest score, at most 4n: with logprobs the most probable first (the lower id
 * on ties), without them by ascending id, which then also decides what the limit keeps.
 */
function topTokens(
  tokens: ScoredTokens,
  n: number,
  logNormaliser: number | undefined,
  pieceOf: PieceOf,
  scratch: Candidates,
): TopToken[] {
  const { ids, scores, count } = tokens;
  const listed = selectLargest(scores, count, n, 1, scratch.selected, scratch.workspace);
  const positions = Array.from(scratch.selected.subarray(0, listed));
  const scoreAt = (position: number): number => scores[position] ?? 0;
  if (logNormaliser !== undefined) positions.sort((a, b) => scoreAt(b) - scoreAt(a) || a - b);
  return positions.slice(0, 4 * n).map((position) => {
    const id = ids[position] ?? 0;
    return { id, piece: pieceOf(id), logprob: logprobOf(scoreAt(position), logNormaliser) };
  });
}

/** Never above 0 by rounding, and never -0, which some encoders write and others drop. */
function logprobOf(score: number, logNormaliser: number | undefined): number {
  return logNormaliser === undefined ? 0 : Math.min(score - logNormaliser, 0) + 0;
}

function logSumExp({ scores, count }: ScoredTokens): number {
  const highest = scores[argmax(scores, count)] ?? 0;
  let sum = 0;
  for (let i = 0; i < count; i++) sum += expOfMinus(highest - (scores[i] ?? 0));
  return highest + Math.log(sum);
}

function countAbove(score: number, { scores, count }: ScoredTokens): number {
  let above = 0;
  for (let i = 0; i < count; i++) if ((scores[i] ?? 0) > score) above++;
  return above;
}
