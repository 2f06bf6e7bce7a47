import { availableCpus } from "../config/cpu.js";
import { kvBytesPerToken } from "../engine/index.js";
import { OrtlerError } from "../errors.js";
import {
  architectureOf,
  digestLocalModel,
  loadModel,
  loadTokenizer,
  openCheckpoint,
  resolveLocalModel,
  type Blueprint,
} from "../model/index.js";

/** What is in a model folder, as far as it could be read, and what keeps it from being served. */
export interface Inspection {
  readonly folder: string;
  /** Of the model's files, `sha256:...`: what `--model-digest` takes. */
  readonly digest?: string;
  readonly architecture?: string;
  readonly hyperparameters?: Blueprint["hyperparameters"];
  readonly parameters?: number;
  /** Element types of the weights; several where they are mixed. */
  readonly elementTypes?: readonly string[];
  readonly weightBytes?: number;
  readonly weightFiles?: readonly string[];
  readonly tokenizer?: { readonly vocabularySize: number; readonly specialTokens: number };
  /** Tokens of the longest sequence. */
  readonly positions?: number;
  readonly kvBytesPerToken?: number;
  /** Key and value cache of one sequence at its longest. */
  readonly kvBytesPerSlot?: number;
  /** Why it would not load; empty when it does. */
  readonly problems: readonly string[];
}

/**
 * Reads what can be read, part by part, so that one broken part does not hide the others. What looks sound is then
 * really loaded: nothing else knows all the reasons for which loading fails.
 */
export async function inspectFolder(path: string): Promise<Inspection> {
  const problems: string[] = [];
  const attempt = async <T>(read: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await read();
    } catch (error) {
      if (!(error instanceof OrtlerError)) throw error;
      problems.push(error.message);
      return undefined;
    }
  };
  const local = await attempt(() => resolveLocalModel(path));
  if (local === undefined) return { folder: path, problems };
  const { folder } = local;
  const digest = await attempt(() => digestLocalModel(folder));
  const weights = await attempt(() => describeWeights(folder));
  const tokenizer = weights === undefined ? undefined : await attempt(() => describeTokenizer(folder));
  if (problems.length === 0) await attempt(() => tryLoading(folder));
  return { folder, ...(digest !== undefined && { digest }), ...weights, ...(tokenizer && { tokenizer }), problems };
}

async function describeWeights(folder: string): Promise<Partial<Inspection>> {
  const checkpoint = await openCheckpoint(folder);
  const architecture = architectureOf(checkpoint);
  const { shape, weights, hyperparameters } = architecture.read(checkpoint);
  const perToken = kvBytesPerToken(shape);
  return {
    architecture: architecture.name,
    hyperparameters,
    parameters: sum(weights.map((weight) => weight.shape.reduce((product, size) => product * size, 1))),
    elementTypes: [...new Set(weights.map(({ elementType }) => elementType))],
    weightBytes: sum(weights.map(({ byteLength }) => byteLength)),
    weightFiles: [...new Set(weights.map(({ file }) => file))],
    positions: shape.positions,
    kvBytesPerToken: perToken,
    kvBytesPerSlot: perToken * shape.positions,
  };
}

async function describeTokenizer(folder: string): Promise<NonNullable<Inspection["tokenizer"]>> {
  const { vocabularySize, specialTokenIds } = await loadTokenizer(folder);
  return { vocabularySize, specialTokens: specialTokenIds.size };
}

async function tryLoading(folder: string): Promise<void> {
  const model = await loadModel({ folder, threads: availableCpus(), isSpinning: false });
  model[Symbol.dispose]();
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
