import type { RunningEngine } from "../engine/index.js";
import type { ModelDigest } from "../model/digest/model-digest.js";
import type { Model } from "../model/index.js";
import { releaseFreedMemory } from "../ort/index.js";

/** A model and its engine. */
export interface Loaded extends RunningEngine {
  readonly model: Model;
  readonly digest: ModelDigest;
  /** From the start of loading, fetching included, until the engine was ready. */
  readonly loadMs: number;
  /** Aborted when the model is released: whatever still goes on in the background ends. */
  readonly ending: AbortSignal;
  /** A model that was fetched may leave the cache again. */
  readonly release: () => Promise<void>;
}

/** Gives back the memory of a model: KV cache, session, mapped files. Nothing of it may be in flight. */
export async function unload(loaded: Loaded): Promise<void> {
  loaded.dispose();
  loaded.model[Symbol.dispose]();
  releaseFreedMemory();
  await loaded.release();
}
