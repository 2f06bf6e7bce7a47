import { prepareSessions, type DeviceChoice, type Session } from "../ort/index.js";
import { architectureOf, type Blueprint } from "./architectures/index.js";
import { openCheckpoint, type Checkpoint } from "./checkpoint/checkpoint.js";
import { eosTokenIds } from "./checkpoint/generation-config.js";
import { isGgufPath } from "./checkpoint/gguf/path.js";
import type { DecoderShape, KvDtype, Selection } from "./graph/decoder-io.js";
import { loadTokenizer, type HuggingFaceTokenizer } from "./huggingface-tokenizer.js";
import { choosePrecision, type PrecisionOptions } from "./precision/choose.js";
import { createModelSession } from "./precision/create-session.js";
import type { WeightDtype } from "./precision/dtypes.js";
import { resolveLocalModel } from "./source/local.js";
import { checkVocabulary, type Tokenizer } from "./tokenizer.js";

export interface LoadOptions extends PrecisionOptions {
  /** A Hugging Face checkpoint, a Caikit model folder, or a GGUF file. */
  readonly folder: string;
  /** The name under which it is served; by default the folder's. */
  readonly id?: string | undefined;
  /** Threads that share one operator. */
  readonly threads: number;
  /** Whether idle threads wait in a busy loop. */
  readonly isSpinning: boolean;
  /** Another libonnxruntime than the one shipped. */
  readonly ortLibrary?: string | undefined;
  /** The model's, where it was loaded before the weights were there; undefined when it could not be. */
  readonly tokenizer?: Promise<HuggingFaceTokenizer | undefined> | undefined;
  /**
   * Folder that keeps what is made at load, quantised weights and KV scales, for later starts. Without one they are
   * made at every start, in a temporary file.
   */
  readonly weightsCache?: string | undefined;
  /** Of the model's files, where it is known: names what is kept in `weightsCache`. */
  readonly digest?: string | undefined;
  /** Of the graph; by default `block-maxima` on a CPU, and otherwise `on-device`. */
  readonly selection?: Selection | undefined;
  /** As in `SessionOptions`. */
  readonly cudaGraphs?: boolean | undefined;
}

/** A checkpoint that is ready to run. Its session is to be driven by one runner. */
export interface Model extends Disposable {
  readonly id: string;
  readonly folder: string;
  /** `model_type` of the architecture. */
  readonly architecture: string;
  readonly shape: DecoderShape;
  readonly dtype: WeightDtype;
  readonly kvDtype: KvDtype;
  /** Where the session computes. */
  readonly device: DeviceChoice;
  /** Which outputs the graph has beside `logits`. */
  readonly selection: Selection;
  /** Why these, and what was widened for them: for the log. */
  readonly precisionReason: string;
  /** Of the weights that stay in memory. */
  readonly weightBytes: number;
  /**
   * A position has the same bits whether a decode, a chunk of any size or a verification of several tokens computed it:
   * so with an int8 KV cache. With a float32 one, decode differs from prefill, and prefill is exact in chunks that the
   * runner pads only (docs/decisions/0006-bit-identity.md). On a CUDA device kernels are chosen by a run's shape: never
   * so, and neither batches nor chunks promise the same bits.
   */
  readonly isExactInAnyOrder: boolean;
  /** Threads that share one operator: with a float32 KV cache at most one for each head. */
  readonly threads: number;
  readonly tokenizer: Tokenizer;
  /** Any of them ends a completion. May be empty. */
  readonly eosTokenIds: readonly number[];
  readonly session: Session;
  /**
   * Gives back the memory of the weights' files that steps have read: rows of an embedding table, with some 60 KiB around
   * each. They come back from the file when they are read again. Linux only.
   * @returns bytes of address space, however much of it was in memory.
   */
  readonly dropReadPages: () => Promise<number>;
}

/**
 * Loads a checkpoint as it is: headers are read, the graph is built in memory, the weights stay in their
 * files for ONNX Runtime to map (of a GGUF file, those that are not in blocks of few bits).
 *
 * @throws {CheckpointError} when something in the folder cannot be served, before anything is allocated.
 */
export async function loadModel(options: LoadOptions): Promise<Model> {
  prepareSessions(options.ortLibrary);
  const { folder, name } = await resolveLocalModel(options.folder);
  const stored = await openCheckpoint(folder);
  const architecture = architectureOf(stored);
  const asStored = architecture.read(stored);
  const { dtype, kvDtype, reason } = choosePrecision(asStored, options);
  await using prepared = await prepareWeights(stored, asStored, dtype, { ...options, folder });
  const { checkpoint } = prepared;
  const blueprint = checkpoint === stored ? asStored : architecture.read(checkpoint);
  const { shape } = blueprint;
  const { device = { kind: "cpu" } } = options;
  const selection = options.selection ?? (device.kind === "cpu" ? "block-maxima" : "on-device");
  const threads = threadsFor(shape, kvDtype, options.threads);
  const loadChecked = async (): Promise<HuggingFaceTokenizer> => {
    const tokenizer = (await options.tokenizer) ?? (await loadTokenizer(folder));
    checkVocabulary(shape, tokenizer);
    return tokenizer;
  };
  const { session, tokenizer, weightBytes, dropReadPages } = await createModelSession(
    {
      folder: checkpoint.folder,
      blueprint,
      selection,
      weightsCache: options.weightsCache,
      digest: checkpoint === stored ? options.digest : undefined,
      loadTokenizer: loadChecked,
    },
    { dtype, kvDtype },
    {
      threads,
      isSpinning: options.isSpinning,
      libraryPath: options.ortLibrary,
      device,
      cudaGraphs: options.cudaGraphs === true && selection === "on-device", // what else a run selects is not captured
    },
  );
  try {
    return {
      id: options.id ?? name,
      folder,
      architecture: architecture.name,
      ...{ shape, dtype, kvDtype, device, selection, weightBytes },
      precisionReason: [reason, ...prepared.notes].join("; "),
      isExactInAnyOrder: kvDtype === "int8",
      threads,
      tokenizer,
      eosTokenIds: eosTokenIds(checkpoint, shape.vocabularySize, tokenizer.endOfTextId),
      ...{ session, dropReadPages },
      [Symbol.dispose]: () => session.dispose(),
    };
  } catch (error) {
    session.dispose();
    throw error;
  }
}

/**
 * The tokenizer of a model whose weights may still be on their way.
 * @returns Undefined when it cannot be loaded yet: a GGUF file has it inside, and what is wrong shows with the model.
 */
export async function loadTokenizerEarly(path: string): Promise<HuggingFaceTokenizer | undefined> {
  try {
    const { folder } = await resolveLocalModel(path);
    return isGgufPath(folder) ? undefined : await loadTokenizer(folder);
  } catch {
    return undefined;
  }
}

interface PreparedCheckpoint extends AsyncDisposable {
  /** With weights of types that a graph of the precision can have. */
  readonly checkpoint: Checkpoint;
  /** What was done for that, for the log. */
  readonly notes: readonly string[];
}

/** Once all else is known to be sound: this takes time, and room on a disk. */
async function prepareWeights(
  checkpoint: Checkpoint,
  { weights }: Blueprint,
  dtype: WeightDtype,
  options: Pick<LoadOptions, "folder" | "weightsCache" | "digest">,
): Promise<PreparedCheckpoint> {
  if (dtype === "float16") {
    const { narrowCheckpoint } = await import("./precision/narrow.js");
    return narrowCheckpoint(checkpoint, weights, options);
  }
  if (isGgufPath(options.folder)) {
    const { widenCheckpoint } = await import("./checkpoint/gguf/widen.js");
    return widenCheckpoint(checkpoint, options.weightsCache);
  }
  return { checkpoint, notes: [], [Symbol.asyncDispose]: () => Promise.resolve() };
}

/**
 * With a float32 KV cache at most one thread for each head: with more, and a long context, the attention kernel splits a
 * row's cache between threads and adds up in another order (docs/decisions/0006-bit-identity.md).
 */
function threadsFor(shape: DecoderShape, kvDtype: KvDtype, threads: number): number {
  return kvDtype === "float32" ? Math.min(threads, shape.kvHeads) : threads;
}
