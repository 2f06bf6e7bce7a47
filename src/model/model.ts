import { realpath } from "node:fs/promises";
import path from "node:path";
import { dropMappedPages, Session } from "../ort/index.js";
import { architectureOf } from "./architectures/index.js";
import { openCheckpoint } from "./checkpoint/checkpoint.js";
import { eosTokenIds } from "./checkpoint/generation-config.js";
import type { TensorRecord } from "./checkpoint/tensor-record.js";
import type { DecoderShape } from "./graph/decoder-io.js";
import { loadTokenizer } from "./huggingface-tokenizer.js";
import { resolveLocalModel } from "./source/local.js";
import { checkVocabulary, type Tokenizer } from "./tokenizer.js";

export interface LoadOptions {
  /** A Hugging Face checkpoint, or a Caikit model folder. */
  readonly folder: string;
  /** The name under which it is served; by default the folder's. */
  readonly id?: string | undefined;
  /** Threads that share one operator. */
  readonly threads: number;
  /** Whether idle threads wait in a busy loop. */
  readonly isSpinning: boolean;
  /** Another libonnxruntime than the one shipped. */
  readonly ortLibrary?: string | undefined;
}

/** A checkpoint that is ready to run. Its session is to be driven by one runner. */
export interface Model extends Disposable {
  readonly id: string;
  readonly folder: string;
  /** `model_type` of the architecture. */
  readonly architecture: string;
  readonly shape: DecoderShape;
  readonly weightBytes: number;
  /** Threads that share one operator: at most one for each head. */
  readonly threads: number;
  readonly tokenizer: Tokenizer;
  /** Any of them ends a completion. May be empty. */
  readonly eosTokenIds: readonly number[];
  readonly session: Session;
}

/**
 * Loads a checkpoint as it is: headers are read, the graph is built in memory, the weights stay in their
 * files for ONNX Runtime to map.
 *
 * @throws {CheckpointError} when something in the folder cannot be served, before anything is allocated.
 */
export async function loadModel(options: LoadOptions): Promise<Model> {
  const { folder, name } = await resolveLocalModel(options.folder);
  const checkpoint = await openCheckpoint(folder);
  const architecture = architectureOf(checkpoint);
  const blueprint = architecture.read(checkpoint);
  const threads = threadsFor(blueprint.shape, options.threads);
  // The session is made on a worker thread: the tokenizer loads meanwhile.
  const creating = Session.create(blueprint.buildGraph(), {
    externalDataFolder: checkpoint.folder,
    threads,
    isSpinning: options.isSpinning,
    libraryPath: options.ortLibrary,
  });
  try {
    const tokenizer = await loadTokenizer(checkpoint.folder);
    checkVocabulary(blueprint.shape, tokenizer);
    const session = await creating;
    await dropReadPages(checkpoint.folder, blueprint.weights);
    return {
      id: options.id ?? name,
      folder: checkpoint.folder,
      architecture: architecture.name,
      shape: blueprint.shape,
      weightBytes: weightBytes(blueprint.weights),
      threads,
      tokenizer,
      eosTokenIds: eosTokenIds(checkpoint, blueprint.shape.vocabularySize, tokenizer.endOfTextId),
      session,
      [Symbol.dispose]: () => session.dispose(),
    };
  } catch (error) {
    await creating.then((session) => session.dispose()).catch(() => undefined); // the first error is the one to tell
    throw error;
  }
}

/** What ONNX Runtime has read to prepack the weights need not stay resident. */
async function dropReadPages(folder: string, weights: readonly TensorRecord[]): Promise<void> {
  const names = new Set(weights.map(({ file }) => path.join(folder, file)));
  dropMappedPages(new Set(await Promise.all(Array.from(names, (name) => realpath(name)))));
}

function weightBytes(weights: readonly TensorRecord[]): number {
  return weights.reduce((sum, { byteLength }) => sum + byteLength, 0);
}

/**
 * At most one thread for each head: with more, and a long context, the attention kernel splits a row's cache
 * between threads and adds up in another order (docs/decisions/0006-bit-identity.md).
 */
function threadsFor(shape: DecoderShape, threads: number): number {
  return Math.min(threads, shape.kvHeads);
}
