/** Continuous batching over one session. Entry: `createEngine`, then `engine.generate`. */
export type { Capacity } from "./capacity.js";
export { createEngine, type EngineOptions, type RunningEngine } from "./create-engine.js";
export type { Engine } from "./engine.js";
export { observeAll, type Caller, type EngineEvents, type EngineObserver } from "./observer.js";
export type {
  GenerationEvent,
  LengthPenalty,
  RequestLimits,
  Stop,
  StopReason,
  TokenDetail,
  TopToken,
  UncheckedRequest,
} from "./request.js";
export { kvBytesPerToken } from "./runner/kv-cache.js";
export { InvalidRequestError, type Violation } from "./violations.js";
