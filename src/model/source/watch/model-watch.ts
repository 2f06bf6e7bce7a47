/**
 * Notices that there is another model where the served one came from, and brings it here when it is whole. With an
 * upload manifest a new manifest says so, and every file has to be the one that it names. Without one, files that are
 * not the ones of before have to stay the same for two looks.
 *
 * Nothing is watched while the caller is busy with a model: of several that came meanwhile, the newest is next.
 */
import { performance } from "node:perf_hooks";
import { setTimeout as delay } from "node:timers/promises";
import { CheckpointError, ConfigurationError, OrtlerError } from "../../../errors.js";
import type { CachedModel } from "../fetch-entry.js";
import type { FetchOptions } from "../fetch-model.js";
import { RemoteChangedError, RemoteError } from "../remote-folder.js";
import { differenceFrom } from "./upload-manifest.js";
import type { Sight, WatchedFolder } from "./watched-folder.js";

export interface WatchOptions {
  readonly intervalMs: number;
  /** How long an upload may stand still before it is given up: ten minutes. */
  readonly patienceMs?: number | undefined;
  /** Fetches what is in the folder now, or takes it from the cache. */
  readonly fetch: (folder: WatchedFolder, signal: AbortSignal, listeners?: FetchListeners) => Promise<CachedModel>;
  readonly log: WatchLog;
}

/** Of the first fetch, for which somebody waits. */
export type FetchListeners = Pick<FetchOptions, "onProgress" | "onSmallFiles">;

/** Told in sentences: what stands in the way, and that it is out of the way. */
export interface WatchLog {
  info(message: string): void;
  warn(message: string): void;
}

/** Of a model that did not become whole: it is not looked at again before it changes. */
export interface GivenUp {
  readonly reason: string;
}

interface Candidate extends Pick<Sight, "model" | "contents"> {
  readonly sinceMs: number;
  /** Why it is not whole, as it is now. */
  fault: string | undefined;
}

const defaultPatienceMs = 600_000;

export class ModelWatch {
  /** The model that was given out last, or given up. */
  #settled: string | undefined;
  #candidate: Candidate | undefined;
  /** Whether the store does not let us; told once. */
  #isHindered = false;

  constructor(
    private readonly folder: WatchedFolder,
    private readonly options: WatchOptions,
  ) {}

  /**
   * The model that is there now; of one that is not complete, or cannot be reached, the copy in the cache.
   * @throws {CheckpointError} when it is not the one that its manifest names.
   * @throws as `fetch`.
   */
  async first(signal: AbortSignal, listeners?: FetchListeners): Promise<CachedModel> {
    const model = await this.options.fetch(this.folder, signal, listeners);
    const sight = this.#fetchedSight();
    const fault = sight && (await this.#differenceFrom(model, sight, signal));
    if (fault !== undefined) {
      await model.release();
      throw new CheckpointError(`${this.folder.uri}: the model is not complete: ${fault}`);
    }
    this.#settled = sight?.model;
    return model;
  }

  /**
   * Resolves with the next model, or with the reason why there is none although something new is there.
   * @throws what aborts `signal`.
   */
  async next(signal: AbortSignal): Promise<CachedModel | GivenUp> {
    for (;;) {
      await delay(this.options.intervalMs, undefined, { signal });
      const found = await this.#orHindered(() => this.#poll(signal), signal);
      if (found !== undefined) return found;
    }
  }

  async #poll(signal: AbortSignal): Promise<CachedModel | GivenUp | undefined> {
    const sight = await this.folder.look(signal);
    if (sight.model === this.#settled) return undefined;
    const isFirstLook = this.#candidate?.model !== sight.model || this.#candidate.contents !== sight.contents;
    const candidate = isFirstLook ? this.#begin(sight) : this.#candidate;
    if (candidate === undefined || (isFirstLook && sight.manifest === undefined)) return undefined;
    if (sight.fault !== undefined) this.#note(candidate, sight.fault);
    return candidate.fault === undefined ? this.#take(candidate, signal) : this.#giveUpInTime(candidate);
  }

  #begin({ model, contents }: Sight): Candidate {
    return (this.#candidate = { model, contents, sinceMs: performance.now(), fault: undefined });
  }

  async #take(candidate: Candidate, signal: AbortSignal): Promise<CachedModel | undefined> {
    const model = await this.#fetchWhole(candidate, signal);
    if (model !== undefined) this.#settle(candidate);
    return model;
  }

  /** Undefined when it is not whole, or not what was seen. */
  async #fetchWhole(candidate: Candidate, signal: AbortSignal): Promise<CachedModel | undefined> {
    let model: CachedModel;
    try {
      model = await this.options.fetch(this.folder, signal);
    } catch (error) {
      if (!(error instanceof CheckpointError || error instanceof ConfigurationError)) throw error;
      this.#note(candidate, error.message);
      return undefined;
    }
    const sight = this.#fetchedSight();
    if (sight?.model === candidate.model) {
      const fault = await this.#differenceFrom(model, sight, signal);
      if (fault === undefined) return model;
      this.#note(candidate, fault);
    }
    await model.release();
    return undefined;
  }

  /** Undefined when what was fetched is not what is there: the copy of before, since the store could not be asked. */
  #fetchedSight(): Sight | undefined {
    const { lastSight } = this.folder;
    return lastSight?.fault === undefined ? lastSight : undefined;
  }

  async #differenceFrom(
    { folder }: CachedModel,
    { manifest }: Sight,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    return manifest && differenceFrom(folder, manifest, signal);
  }

  #note(candidate: Candidate, fault: string): void {
    if (candidate.fault === undefined)
      this.options.log.info(`${this.folder.uri}: a new model is not complete: ${fault}`);
    candidate.fault = fault;
  }

  #giveUpInTime(candidate: Candidate): GivenUp | undefined {
    const { patienceMs = defaultPatienceMs } = this.options;
    if (performance.now() - candidate.sinceMs < patienceMs) return undefined;
    this.#settle(candidate);
    return { reason: `it is not complete: ${candidate.fault ?? ""}` };
  }

  #settle({ model }: Candidate): void {
    this.#settled = model;
    this.#candidate = undefined;
  }

  /** Undefined when the store does not let us: it is asked again with the next look, and one warning says so. */
  async #orHindered<T>(ask: () => Promise<T>, signal: AbortSignal): Promise<T | undefined> {
    try {
      const answer = await ask();
      if (this.#isHindered) this.options.log.info(`${this.folder.uri} can be watched again`);
      this.#isHindered = false;
      return answer;
    } catch (error) {
      signal.throwIfAborted();
      if (!isHindrance(error)) throw error;
      if (!this.#isHindered) {
        this.options.log.warn(`${this.folder.uri} cannot be watched; the model in use goes on: ${error.message}`);
      }
      this.#isHindered = true;
      return undefined;
    }
  }
}

function isHindrance(error: unknown): error is Error {
  return error instanceof RemoteError || error instanceof RemoteChangedError || error instanceof OrtlerError;
}
