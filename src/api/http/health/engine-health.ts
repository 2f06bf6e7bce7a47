import type { Caller, EngineObserver } from "../../../engine/observer.js";
import type { UncheckedRequest } from "../../../engine/request.js";
import type { Logger } from "../../log.js";
import type { TextEngine } from "../../text-engine.js";

/** The cheapest real work there is: one prefill, one token (TGIS asks for the same). */
const probe: UncheckedRequest = { prompt: "liveness", method: "greedy", maxNewTokens: 1 };
const prober: Caller = { isProbe: true };

/**
 * Whether the engine generates: known for free as long as requests prove it, asked with one real token at the start
 * and after a run has failed (TGIS's rule). Any run that succeeds is proof, any that fails calls for a new one.
 */
export class EngineHealth {
  /** To be told of what the engine does; without it every check generates once and is believed for ever. */
  readonly observer: EngineObserver = {
    runFinished: () => this.#prove(),
    runFailed: () => (this.#isProven = false),
  };
  #isProven = false;
  #isDraining = false;
  /** Checks that come while one is under way share it. */
  #check: { readonly answer: Promise<boolean>; readonly controller: AbortController } | undefined;

  constructor(
    private readonly engine: Pick<TextEngine, "generate">,
    private readonly log: Pick<Logger, "warn">,
  ) {}

  /** Never rejects. */
  async isHealthy(): Promise<boolean> {
    if (this.#isDraining || this.#isProven) return !this.#isDraining;
    this.#check ??= this.#startCheck();
    const isProven = await this.#check.answer;
    return isProven && !this.#isDraining;
  }

  /** Unhealthy from now on, so that balancers send no more. */
  drain(): void {
    this.#isDraining = true;
    this.#check?.controller.abort();
  }

  #startCheck() {
    const controller = new AbortController();
    const answer = this.#generate(controller.signal).finally(() => (this.#check = undefined));
    return { answer, controller };
  }

  async #generate(signal: AbortSignal): Promise<boolean> {
    try {
      const events = this.engine.generate(probe, signal, prober)[Symbol.asyncIterator]();
      while ((await events.next()).done !== true);
      this.#isProven = true;
    } catch (error) {
      if (!signal.aborted) this.log.warn("the health check's generation failed", { error });
    }
    return this.#isProven;
  }

  /** A check under way has its answer, and need not wait for a slot. */
  #prove(): void {
    this.#isProven = true;
    this.#check?.controller.abort();
  }
}
