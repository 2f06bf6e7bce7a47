import type { EndEvent, LaunchEvent, RunEvent } from "../engine-events.js";
import type { GraphCounts } from "./device.js";
import type { Families } from "./families.js";
import { own } from "./own-definitions.js";

/** What the engine says of itself whenever it is asked. */
export interface EngineState {
  readonly waiting: number;
  readonly prefilling: number;
  readonly running: number;
  readonly cachedTokens: number;
  /** Decodes of the current model as CUDA graphs; undefined where there are none. */
  readonly graphs?: GraphCounts | undefined;
}

/**
 * Counts what TGIS has no metric for, and reads the engine's state at each scrape.
 * @param kvCapacity tokens that the KV cache has room for now.
 */
export function ownObserver(families: Families, state: () => EngineState, kvCapacity: () => number) {
  families.beforeScrape(() => {
    const { waiting, prefilling, running, cachedTokens } = state();
    families.set(own.queueLength, waiting);
    families.set(own.running, prefilling + running);
    families.set(own.kvTokens, cachedTokens);
    families.set(own.kvCapacity, kvCapacity());
    families.set(own.kvUsage, cachedTokens / kvCapacity());
  });
  return {
    runLaunched: ({ method, sequences }: LaunchEvent) => {
      if (method === "decode") families.observe(own.decodeBatchSize, sequences);
    },
    runFinished: ({ method, tokens }: RunEvent) => {
      if (method === "prefill") families.count(own.promptTokens, tokens);
    },
    stepFinished: ({ durationMs }: { readonly durationMs: number }) =>
      families.observe(own.stepDuration, durationMs / 1000),
    tokenChosen: ({ isFirst, waitedMs }: { readonly isFirst: boolean; readonly waitedMs: number }) => {
      families.count(own.completionTokens, 1);
      families.observe(isFirst ? own.firstToken : own.interToken, waitedMs / 1000);
    },
    draftVerified: ({ drafted, accepted }: { readonly drafted: number; readonly accepted: number }) => {
      families.count(own.draftedTokens, drafted);
      families.count(own.acceptedTokens, accepted);
    },
    finished: ({ reusedTokens }: Pick<EndEvent, "reusedTokens">) => families.count(own.reusedTokens, reusedTokens),
  };
}
