/** The logits pipeline as the reference writes it: whole vocabulary, sorts, -infinity for what is out. */
import type { GenerationRequest } from "../../../src/engine/request.js";

const f32 = Math.fround;
const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

export function softmax(scores: readonly number[]): number[] {
  const highest = Math.max(...scores);
  const weights = scores.map((score) => Math.exp(score - highest));
  const total = sum(weights);
  return weights.map((weight) => weight / total);
}

/** Final scores of one step after `generated` tokens; `context` is prompt and completion. */
export function processScores(
  logits: readonly number[],
  request: GenerationRequest,
  eosTokenIds: readonly number[],
  generated: number,
  context: readonly number[],
): number[] {
  let scores = logits.map(f32);
  const { lengthPenalty, minNewTokens, repetitionPenalty, sampling } = request;
  for (const eos of eosTokenIds) {
    const logit = scores[eos] ?? NaN;
    const excess = generated - (lengthPenalty?.startIndex ?? Infinity);
    if (generated < minNewTokens) scores[eos] = -Infinity;
    else if (lengthPenalty !== undefined && excess > 0) {
      scores[eos] = f32(logit + f32(Math.abs(logit) * f32(lengthPenalty.decayFactor ** excess - 1)));
    }
  }
  for (const id of new Set(context)) {
    const logit = scores[id] ?? NaN;
    scores[id] = logit < 0 ? f32(logit * f32(repetitionPenalty)) : f32(logit / f32(repetitionPenalty));
  }
  const { promptTokenIds, frequencyPenalty, presencePenalty, logitBias } = request;
  const completion = context.slice(promptTokenIds.length);
  scores = scores.map((score, id) => {
    const count = completion.filter((each) => each === id).length;
    const lowered = count === 0 ? score : f32(score - (count * frequencyPenalty + presencePenalty));
    return f32(lowered + (logitBias?.get(id) ?? 0));
  });
  if (sampling === undefined) return scores;
  scores = scores.map((score) => f32(score / f32(sampling.temperature)));
  if (sampling.topK > 0) scores = topK(scores, sampling.topK);
  if (sampling.topP < 1) scores = topP(scores, sampling.topP);
  if (sampling.typicalP < 1) scores = typicalP(scores, sampling.typicalP);
  return scores;
}

function topK(scores: readonly number[], k: number): number[] {
  const kth = scores.toSorted((a, b) => b - a)[Math.min(k, scores.length) - 1] ?? NaN;
  return scores.map((score) => (score < kth ? -Infinity : score));
}

function topP(scores: readonly number[], p: number): number[] {
  const probabilities = softmax(scores);
  const ascending = [...scores.keys()].sort((a, b) => (scores[a] ?? 0) - (scores[b] ?? 0) || a - b);
  const kept = [...scores];
  let cumulative = 0;
  for (const id of ascending.slice(0, -1)) {
    cumulative += probabilities[id] ?? 0;
    if (cumulative <= 1 - p) kept[id] = -Infinity;
  }
  return kept;
}

function typicalP(scores: readonly number[], mass: number): number[] {
  const probabilities = softmax(scores);
  const entropy = -sum(probabilities.map((p) => (p > 0 ? p * Math.log(p) : 0)));
  // Equal scores must be exactly as far from the entropy as each other: in float32, as in the reference.
  const shifted = probabilities.map((p) => f32(Math.abs(-Math.log(p) - entropy)));
  const order = [...scores.keys()].sort((a, b) => (shifted[a] ?? 0) - (shifted[b] ?? 0));
  let cumulative = 0;
  const below = order.filter((id) => (cumulative += probabilities[id] ?? 0) < mass).length;
  const border = shifted[order[Math.min(below, order.length - 1)] ?? 0] ?? NaN;
  return scores.map((score, id) => ((shifted[id] ?? 0) > border ? -Infinity : score));
}

/** 1 + how many are strictly greater. */
export function rankOf(scores: readonly number[], id: number): number {
  return 1 + scores.filter((score) => score > (scores[id] ?? NaN)).length;
}

/** Ids of the top tokens in the order of the contract. */
export function topIds(scores: readonly number[], n: number, byScore: boolean): number[] {
  const nth = scores.toSorted((a, b) => b - a)[Math.min(n, scores.length) - 1] ?? NaN;
  const ids = [...scores.keys()].filter((id) => (scores[id] ?? NaN) >= nth && scores[id] !== -Infinity);
  if (byScore) ids.sort((a, b) => (scores[b] ?? 0) - (scores[a] ?? 0) || a - b);
  return ids.slice(0, 4 * n);
}
