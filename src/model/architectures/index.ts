/** The architectures that can be served. A new one is one file beside `gpt2.ts` and one line here. */
import { CheckpointError } from "../../errors.js";
import type { Checkpoint } from "../checkpoint/checkpoint.js";
import type { TensorRecord } from "../checkpoint/tensor-record.js";
import type { ActivationDtype, DecoderShape, KvScales, Selection } from "../graph/decoder-io.js";
import type { Factor, Products } from "../graph/products.js";
import { gpt2 } from "./gpt2.js";

/** In which precision a graph computes. */
export interface GraphOptions {
  readonly products: Products;
  /** Float32 by default. Float16 wants every weight in float16, and products of its own. */
  readonly activations?: ActivationDtype | undefined;
  /** Makes the KV cache int8, beside float32 activations; absent, it is of the activations' type. */
  readonly kvScales?: KvScales | undefined;
  /** `block-maxima` by default. */
  readonly selection?: Selection | undefined;
  /** The checkpoint's folder, relative to the session's external data folder; by default they are the same. */
  readonly folder?: string;
}

/** A checkpoint understood: what it computes, and the graph that computes it. */
export interface Blueprint {
  readonly shape: DecoderShape;
  /** Hyper-parameters, for `ortler inspect`. */
  readonly hyperparameters: Readonly<Record<string, string | number | boolean>>;
  /** Every weight that the graph uses, once. */
  readonly weights: readonly TensorRecord[];
  /** Those of them that activations are multiplied with, once: what a small precision stores in fewer bits. */
  readonly factors: readonly Factor[];
  /**
   * The graph as the bytes of an ONNX model whose weights point into files. By default everything is float32, and the
   * files are the checkpoint's.
   */
  buildGraph(options?: GraphOptions): Uint8Array<ArrayBuffer>;
}

export interface Architecture {
  /** `model_type` in config.json. */
  readonly name: string;
  /** `architectures` in config.json: class names of transformers. */
  readonly classes: readonly string[];
  /** @throws {CheckpointError} when a hyper-parameter or a weight cannot be served as it is. */
  read(checkpoint: Checkpoint): Blueprint;
}

const architectures: readonly Architecture[] = [gpt2];

/**
 * The architecture that config.json names: by `model_type`, or by `architectures` where that is missing.
 * @throws {CheckpointError} naming the supported ones.
 */
export function architectureOf({ config }: Checkpoint): Architecture {
  const { model_type: type, architectures: classes } = config;
  const names: readonly unknown[] = Array.isArray(classes) ? classes : [];
  const found = architectures.find(
    (architecture) =>
      (type === architecture.name || type === undefined) &&
      (names.some((name) => architecture.classes.includes(String(name))) || (names.length === 0 && type !== undefined)),
  );
  if (found !== undefined) return found;
  const supported = architectures.map(({ name, classes: known }) => `${name} (${known.join(", ")})`).join("; ");
  throw new CheckpointError(
    `config.json: model_type ${JSON.stringify(type)} with architectures ${JSON.stringify(classes)} is not supported; ` +
      `supported: ${supported}`,
  );
}
