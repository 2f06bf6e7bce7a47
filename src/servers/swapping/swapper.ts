/**
 * Swaps the model for each new one that the watch brings: it is loaded beside the one that serves, checked with a token
 * of its own, and then answers new requests. One that fails a check is refused, and the one that serves goes on.
 *
 * One model at a time: the next is looked for when the one before is out of memory, so there are never three.
 */
import type { Engine } from "../../engine/index.js";
import { ConfigurationError } from "../../errors.js";
import type { ProvidedModel } from "../../model/source/provide-model.js";
import type { GivenUp } from "../../model/source/watch/model-watch.js";
import type { Logger } from "../../telemetry/log.js";
import type { CurrentModel } from "../current-model.js";
import { unload, type Loaded } from "../loaded.js";
import type { Served } from "../served.js";
import { orRefuse, RefusedError, type Refusal } from "./refusal.js";
import { checkWithToken } from "./token-check.js";

/** A model of which everything is here. */
export type NewModel = ProvidedModel & { readonly digest: string };

/** Where new models come from, and how they become engines. */
export interface ModelSource {
  /** Resolves with the next one. @throws what aborts `signal`. */
  readonly next: (signal: AbortSignal) => Promise<NewModel | GivenUp>;
  /** @throws {NoRoomError} when there is no memory for it beside the one that serves. */
  readonly checkRoom: (model: NewModel, serving: Loaded) => Promise<void>;
  /** @throws {OrtlerError} when it cannot be served. */
  readonly load: (model: NewModel, serving: Loaded) => Promise<Loaded>;
  /** The setting: tokens of a sequence; 0 = as many as the model has positions. */
  readonly maxSequenceLength: number;
}

export interface SwapperParts {
  readonly source: ModelSource;
  readonly current: CurrentModel;
  /** Makes a model ready to serve. */
  readonly prepare: (loaded: Loaded) => Promise<Served>;
  readonly onSwap: (served: Served) => void;
  readonly onRefusal: (refusal: Refusal) => void;
  /** The model that serves is the newest again. */
  readonly onRestored: () => void;
  readonly log: Pick<Logger, "info" | "error">;
}

export class Swapper {
  /** Of the newest model, if it was refused. */
  #refused: Refusal | undefined;

  constructor(private readonly parts: SwapperParts) {}

  get refused(): Refusal | undefined {
    return this.#refused;
  }

  /** Resolves once `signal` is aborted; a model that is being loaded then is given back in the background. */
  async run(signal: AbortSignal): Promise<void> {
    for (;;) {
      try {
        const found = await this.parts.source.next(signal);
        if ("folder" in found) await this.#consider(found, signal);
        else this.#refuse({ reason: "incomplete", message: found.reason, digest: undefined });
      } catch (error) {
        if (signal.aborted) return;
        this.parts.log.error("looking for a new model failed", { error });
      }
    }
  }

  async #consider(found: NewModel, signal: AbortSignal): Promise<void> {
    const { current, log } = this.parts;
    const { digest } = found;
    const isServing = digest === current.get().digest.value;
    if (isServing) this.#restore();
    if (isServing || digest === this.#refused?.digest) {
      log.info("the model was uploaded again as it was", { digest });
      await found.release();
      return;
    }
    try {
      await this.#swap(found, signal);
    } catch (error) {
      if (!(error instanceof RefusedError)) throw error;
      const { reason, message } = error;
      if (!signal.aborted) this.#refuse({ reason, message, digest });
    }
  }

  async #swap(found: NewModel, signal: AbortSignal): Promise<void> {
    const { current, log, onSwap } = this.parts;
    const before = current.get();
    log.info("a new model is loaded beside the one that serves", { digest: found.digest });
    const next = await this.#loadChecked(found, before, signal);
    onSwap(next);
    const swapped = current.replace(next);
    this.#refused = undefined;
    log.info("the new model answers", { digest: found.digest, before: before.digest.value });
    await swapped;
    log.info("the model before is out of memory", { digest: before.digest.value });
  }

  /** @throws {RefusedError} once the memory of a model that failed is given back. */
  async #loadChecked(found: NewModel, serving: Served, signal: AbortSignal): Promise<Served> {
    const { source, prepare } = this.parts;
    let loaded: Loaded | undefined;
    try {
      await orRefuse("unloadable", () => source.checkRoom(found, serving));
      const next = (loaded = await orRefuse("unloadable", () => source.load(found, serving)));
      await orRefuse("settings", () => this.#checkLength(next.engine));
      await orRefuse("token-check", () => checkWithToken(next.engine, signal));
      const served = await orRefuse("unloadable", () => prepare(next));
      signal.throwIfAborted();
      return served;
    } catch (error) {
      if (loaded === undefined) await found.release();
      else await discard(loaded);
      throw error;
    }
  }

  /** Clients were told the length that the operator set. */
  #checkLength({ limits }: Pick<Engine, "limits">): void {
    const { maxSequenceLength: asked } = this.parts.source;
    if (limits.maxSequenceLength >= asked) return;
    throw new ConfigurationError(
      `it has ${limits.maxSequenceLength} positions, and --max-sequence-length asks for ${asked}`,
    );
  }

  #restore(): void {
    this.#refused = undefined;
    this.parts.onRestored();
  }

  #refuse(refusal: Refusal): void {
    this.#refused = refusal;
    this.parts.onRefusal(refusal);
  }
}

/** A step may still be under way. */
async function discard(loaded: Loaded): Promise<void> {
  await loaded.engine.drain(0);
  await unload(loaded);
}
