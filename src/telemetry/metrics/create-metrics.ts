import type { CallEndEvent, CallEvent } from "../call-events.js";
import type { CallKind } from "../engine-events.js";
import type { BucketLimits } from "./buckets.js";
import { caikitObserver, showModel } from "./caikit.js";
import { countGraphs, showDevice, type DeviceUse } from "./device.js";
import { Families } from "./families.js";
import { httpObserver } from "./http.js";
import { own } from "./own-definitions.js";
import { ownObserver, type EngineState } from "./own.js";
import { tgis } from "./tgis-definitions.js";
import { tgisObserver } from "./tgis.js";

export interface MetricsOptions extends ShownModel {
  readonly version: string;
  readonly engineState: () => EngineState;
  /** Of the device that computes; undefined on a CPU, and where nobody says how it is used. */
  readonly deviceUse?: (() => DeviceUse) | undefined;
}

/** A model that serves, and the limits of its engine. */
export interface ShownModel {
  /** Of the first model, the contract's buckets are made of them. */
  readonly limits: BucketLimits;
  readonly model: {
    readonly id: string;
    readonly weightBytes: number;
    /** From the start of loading until the engine was ready. */
    readonly loadMs: number;
    /** Of the weights and of the KV cache. */
    readonly dtype: string;
    readonly kvDtype: string;
    /** `sha256:...` over the model's files; undefined until they were read. */
    readonly digest: () => string | undefined;
  };
}

/** A model that was not swapped in. */
export interface RefusedModel {
  readonly digest: string | undefined;
  readonly reason: string;
}

/** One Tokenize call of TGIS's API that was answered. */
export interface TokenizeCall {
  readonly texts: number;
  readonly tokens: number;
  readonly durationMs: number;
}

/** A call that TGIS's API refused by itself: the engine never heard of it. */
export interface RefusedCall {
  readonly kind: CallKind;
  readonly prompts: number;
}

export type Metrics = ReturnType<typeof createMetrics>;

/** All metrics of a server: docs/metrics.md lists them. */
export function createMetrics({ version, engineState, deviceUse, ...first }: MetricsOptions) {
  const families = new Families(first.limits);
  families.set(own.build, 1, { version, model_id: first.model.id });
  let shown: ShownModel = first;
  const show = (next: ShownModel): void => {
    shown = next;
    families.set(own.modelLoad, next.model.loadMs / 1000);
    families.set(own.slots, next.limits.slots);
    showModel(families, next.model);
  };
  show(first);
  families.beforeScrape(() => {
    const { dtype, kvDtype, digest: known } = shown.model;
    const digest = known();
    if (digest !== undefined) families.setOnly(own.model, 1, { digest, dtype, kv_dtype: kvDtype });
  });
  if (deviceUse !== undefined) showDevice(families, deviceUse);
  countGraphs(families, () => engineState().graphs);
  families.addProcessMetrics();
  return {
    /** Hear the engine's events, one beside the other. */
    observers: [
      tgisObserver(families, () => engineState().waiting),
      ownObserver(families, engineState, () => shown.limits.slots * shown.limits.maxSequenceLength),
    ] as const,
    apiObserver: callObserver(families),
    /** Another model answers from now on. */
    modelSwapped: (next: ShownModel) => {
      show(next);
      families.count(own.swaps, 1, { result: "swapped" });
      families.clear(own.refusedModel);
    },
    modelRefused: ({ digest = "", reason }: RefusedModel) => {
      families.count(own.swaps, 1, { result: "refused" });
      families.setOnly(own.refusedModel, 1, { digest, reason });
    },
    /** A batch of no prompts, which is answered without the engine. */
    countEmptyBatch: () => families.count(tgis.requests, 1, { kind: "batch" }),
    /** Once a call, as in TGIS; what the engine refuses is counted by its observer. */
    countRefusal: ({ kind, prompts }: RefusedCall) => {
      families.count(tgis.requests, 1, { kind });
      families.count(tgis.inputs, prompts);
      families.count(tgis.failures, 1, { err: "validation" });
    },
    countTokenize: ({ texts, tokens, durationMs }: TokenizeCall) => {
      families.count(tgis.tokenizeRequests, 1);
      families.count(tgis.tokenizeInputs, texts);
      families.observe(tgis.tokenizeTokens, tokens);
      families.observe(tgis.tokenizeDuration, durationMs / 1000);
    },
    /** What is in the store is what answers again. */
    modelRestored: () => families.clear(own.refusedModel),
    /** All series in Prometheus' text format, version 0.0.4. */
    exposition: async (): Promise<string> => families.exposition(),
  };
}

function callObserver(families: Families) {
  const caikit = caikitObserver(families);
  const http = httpObserver(families);
  return {
    callStarted: caikit.callStarted,
    callEnded: (call: CallEvent, end: CallEndEvent) => {
      caikit.callEnded(call, end);
      http.callEnded(call, end);
    },
  };
}
