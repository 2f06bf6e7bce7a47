/** From a checkpoint and a precision to a session that is ready to run. */
import { realpath } from "node:fs/promises";
import path from "node:path";
import { dropMappedPages, releaseFreedMemory, Session, type SessionOptions } from "../../ort/index.js";
import type { Blueprint } from "../architectures/index.js";
import type { TensorRecord } from "../checkpoint/tensor-record.js";
import type { KvScales, Selection } from "../graph/decoder-io.js";
import { float16Products } from "../graph/float16.js";
import { float32Products, type Products } from "../graph/products.js";
import type { Tokenizer } from "../tokenizer.js";
import { calibrate } from "./calibration.js";
import { residentWeightBytes } from "./choose.js";
import type { Precision } from "./dtypes.js";
import { kvScalesName, readKvScales, writeKvScales } from "./kv-scales-file.js";
import { quantise } from "./quantise.js";
import { schemes } from "./schemes.js";
import { mendingDamage, TensorStore } from "./tensor-store.js";
import { weightsKey } from "./weights-key.js";

/** What calibration needs of a tokenizer. */
type Encoder = Pick<Tokenizer, "encode">;

export interface ModelSource<T extends Encoder = Encoder> {
  /** The checkpoint's folder. */
  readonly folder: string;
  readonly blueprint: Blueprint;
  /** Of the graph; `block-maxima` by default. */
  readonly selection?: Selection | undefined;
  /** Called once: while a session is made on a worker thread, or before where a KV cache is calibrated. */
  readonly loadTokenizer: () => Promise<T>;
  /** Of the model's files; undefined when it is not known yet, or the weights are no longer in these files. */
  readonly digest?: string | undefined;
  /** Kept for later starts: quantised weights and KV scales. */
  readonly weightsCache?: string | undefined;
}

export interface ModelSession<T> {
  readonly session: Session;
  readonly tokenizer: T;
  /** Of the weights that stay in memory. */
  readonly weightBytes: number;
  /** As `Model.dropReadPages`. */
  readonly dropReadPages: () => Promise<number>;
}

type Options = Omit<SessionOptions, "externalDataFolder" | "isFlashAttentionOff">;

/**
 * Quantises the weights and calibrates the KV cache where the precision asks for it and no earlier start left them, and
 * makes the session.
 * @throws {CheckpointError} when a weight cannot be quantised.
 * @throws {ConfigurationError} when quantised weights cannot be written.
 */
export async function createModelSession<T extends Encoder>(
  source: ModelSource<T>,
  precision: Precision,
  options: Options,
): Promise<ModelSession<T>> {
  await using store = new TensorStore(source.weightsCache, source.folder);
  const once = { ...source, loadTokenizer: onlyOnce(source.loadTokenizer) };
  return await mendingDamage(() => createFrom(once, precision, store, options));
}

/** @throws {DamagedFileError} when a file of an earlier start is not what was written. */
async function createFrom<T extends Encoder>(
  source: ModelSource<T>,
  precision: Precision,
  store: TensorStore,
  options: Options,
): Promise<ModelSession<T>> {
  const { folder, blueprint, selection, digest, loadTokenizer } = source;
  const activations = precision.dtype === "float16" ? "float16" : "float32";
  const key = onlyOnce(() => weightsKey({ folder, factors: blueprint.factors }, precision.dtype, digest));
  const weights = await openWeights(source, precision.dtype, key, store, options);
  // ONNX Runtime maps files below one folder only: the root has the checkpoint's and those made here.
  const { root } = path.parse(folder);
  const create = async (kvScales?: KvScales): Promise<Session> =>
    Session.create(
      blueprint.buildGraph({
        ...{ products: weights.products(), activations, kvScales, selection },
        folder: path.relative(root, folder),
      }),
      { ...options, externalDataFolder: root, isFlashAttentionOff: kvScales !== undefined },
    );
  const calibrated = async (): Promise<KvScales> =>
    openKvScales(source, key, store, async (): Promise<Session> => {
      await weights.check(); // the scales are kept: they must not come from damaged weights
      return create();
    });
  const kvScales = precision.kvDtype === "int8" ? await calibrated() : undefined;
  releaseFreedMemory(); // before the session takes its own: what it takes may lie behind it
  const { session, other } = await beside(create(kvScales), loadTokenizer, weights.check);
  releaseFreedMemory();
  const files = await filesOf(folder, [...blueprint.weights, ...weights.quantised.values()]);
  await dropMappedPages(files); // what was read to prepack the weights
  return {
    session,
    tokenizer: other,
    weightBytes: residentWeightBytes(blueprint, precision.dtype),
    dropReadPages: () => dropMappedPages(files),
  };
}

const nothingToCheck = (): Promise<void> => Promise.resolve();

/**
 * Waits for all; a session that nobody will get is disposed of. A check that fails is the error to tell: the others may
 * come of it.
 */
async function beside<T>(
  creating: Promise<Session>,
  load: () => Promise<T>,
  check: () => Promise<void> = nothingToCheck,
): Promise<{ readonly session: Session; readonly other: T }> {
  const checking = check();
  for (const promise of [creating, checking]) promise.catch(() => undefined); // awaited below, perhaps after it failed
  try {
    const other = await load();
    const session = await creating;
    await checking;
    return { session, other };
  } catch (error) {
    await creating.then((session) => session.dispose()).catch(() => undefined);
    await checking;
    throw error;
  }
}

function onlyOnce<T>(load: () => Promise<T>): () => Promise<T> {
  let loading: Promise<T> | undefined;
  return () => (loading ??= load());
}

/** The factors in one precision. */
interface Weights {
  /** Records of the quantised factors' parts; none in float32 and float16. */
  readonly quantised: ReadonlyMap<string, TensorRecord>;
  /** For one graph. */
  readonly products: () => Products;
  /** As of `OpenedTensors`. Reads once. */
  readonly check: () => Promise<void>;
}

async function openWeights(
  source: ModelSource,
  dtype: Precision["dtype"],
  key: () => Promise<string>,
  store: TensorStore,
  options: Options,
): Promise<Weights> {
  const { folder, blueprint } = source;
  if (dtype === "float32" || dtype === "float16") {
    const products = dtype === "float32" ? float32Products : float16Products;
    return { quantised: new Map(), products: () => products, check: nothingToCheck };
  }
  const scheme = schemes[dtype];
  const factors = { folder, factors: blueprint.factors };
  const { tensors, check } = await store.open(await key(), (file) =>
    quantise(factors, scheme, file, { ...options, externalDataFolder: folder }),
  );
  return { quantised: tensors, products: () => scheme.products(tensors), check: onlyOnce(check) };
}

async function openKvScales(
  source: ModelSource,
  key: () => Promise<string>,
  store: TensorStore,
  create: () => Promise<Session>,
): Promise<KvScales> {
  const { blueprint, loadTokenizer } = source;
  const opened = await store.get(kvScalesName(await key()), async (file) => {
    const { session, other: tokenizer } = await beside(create(), loadTokenizer);
    using calibrating = session;
    const { calibrationText } = await import("./calibration-text.js");
    const scales = await calibrate(calibrating, blueprint.shape, tokenizer.encode(calibrationText));
    await writeKvScales(file, blueprint.shape, scales);
  });
  return readKvScales(opened);
}

/** Absolute, links resolved. */
async function filesOf(folder: string, weights: readonly TensorRecord[]): Promise<ReadonlySet<string>> {
  const names = new Set(weights.map(({ file }) => path.join(folder, file)));
  return new Set(await Promise.all(Array.from(names, (name) => realpath(name))));
}
