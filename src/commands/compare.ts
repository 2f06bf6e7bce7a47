/** What small precisions cost: one text through the same model in each of them, one after the other. */
import { availableCpus } from "../config/cpu.js";
import { ConfigurationError } from "../errors.js";
import { crossEntropy } from "../model/evaluation/cross-entropy.js";
import { LogitComparison, RecordedLogits, type LogitDifference } from "../model/evaluation/logit-difference.js";
import { slidingWindows } from "../model/evaluation/windows.js";
import { loadModel, type KvDtype, type Model, type WeightDtype } from "../model/index.js";
import type { AskedPrecision, AskedPrecisions } from "./compare-options.js";
import { predictions } from "./compare-predictions.js";

export interface Comparison {
  readonly folder: string;
  /** Of the text. */
  readonly tokens: number;
  /** Tokens of the longest sequence that is run: the model's positions, or the text. */
  readonly windowTokens: number;
  readonly strideTokens: number;
  /** Tokens that the perplexity is a mean over: all but the first. */
  readonly scoredTokens: number;
  /** Of them, from the text's beginning, those whose logits are compared. */
  readonly comparedTokens: number;
  readonly precisions: readonly PrecisionCost[];
}

export interface PrecisionCost extends TextLoss {
  readonly dtype: WeightDtype;
  readonly kvDtype: KvDtype;
  /** Of the weights that stay in memory. */
  readonly weightBytes: number;
  /** From the first precision's logits, which itself has none. */
  readonly difference?: LogitDifference;
}

interface TextLoss {
  /** Mean of -ln p over the scored tokens. */
  readonly natsPerToken: number;
  /** exp(natsPerToken) */
  readonly perplexity: number;
}

/** Logits of 1,300 positions with a vocabulary of 50,000. */
const maxRecordedBytes = 256 * 2 ** 20;

/**
 * Perplexity of a text in each precision, as https://huggingface.co/docs/transformers/perplexity defines it, with a
 * stride of half the model's positions. Only one model is loaded at a time.
 *
 * @param path of the model, as in `loadModel`.
 * @param recordedBytes the memory that the first precision's logits may take.
 * @throws {ConfigurationError} when the text has no token to predict, or the processor has no exact int8 products.
 */
export async function comparePrecisions(
  path: string,
  [reference, ...others]: AskedPrecisions,
  text: string,
  recordedBytes: number = maxRecordedBytes,
): Promise<Comparison> {
  const recorded = new RecordedLogits(recordedBytes);
  const { cost, ...scored } = await evaluate(path, reference, text, (logits) => recorded.add(logits));
  const costs: PrecisionCost[] = [cost];
  for (const precision of others) {
    const comparison = new LogitComparison(recorded);
    const { cost } = await evaluate(path, precision, text, (logits) => comparison.add(logits));
    costs.push({ ...cost, difference: comparison.result() });
  }
  return { ...scored, comparedTokens: recorded.rows.length, precisions: costs };
}

interface Evaluation extends Omit<Comparison, "comparedTokens" | "precisions"> {
  readonly cost: PrecisionCost;
}

async function evaluate(
  path: string,
  precision: AskedPrecision,
  text: string,
  see: (logits: Float32Array) => void,
): Promise<Evaluation> {
  using model = await loadModel({ folder: path, threads: availableCpus(), isSpinning: false, ...precision });
  const { folder, shape, tokenizer, dtype, kvDtype, weightBytes } = model;
  const tokenIds = tokenizer.encode(text);
  const windowTokens = Math.min(shape.positions, tokenIds.length);
  if (windowTokens < 2) {
    throw new ConfigurationError(
      `no token to predict: the text has ${tokenIds.length}, the model ${shape.positions} positions`,
    );
  }
  const strideTokens = Math.floor(shape.positions / 2);
  const loss = await lossOf(model, tokenIds, { windowTokens, strideTokens }, see);
  const sizes = { tokens: tokenIds.length, windowTokens, strideTokens, scoredTokens: tokenIds.length - 1 };
  return { folder, ...sizes, cost: { dtype, kvDtype, weightBytes, ...loss } };
}

async function lossOf(
  model: Model,
  tokenIds: readonly number[],
  { windowTokens, strideTokens }: Pick<Comparison, "windowTokens" | "strideTokens">,
  see: (logits: Float32Array) => void,
): Promise<TextLoss> {
  const windows = slidingWindows(tokenIds.length, windowTokens, strideTokens);
  let nats = 0;
  for await (const { tokenId, logits } of predictions(model, tokenIds, windows)) {
    nats += crossEntropy(logits, tokenId);
    see(logits);
  }
  const natsPerToken = nats / (tokenIds.length - 1);
  return { natsPerToken, perplexity: Math.exp(natsPerToken) };
}
