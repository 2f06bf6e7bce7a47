import type { Caller } from "./observer.js";
import type { GenerationEvent, RequestLimits, UncheckedRequest } from "./request.js";

/** What the APIs call. */
export interface Engine {
  readonly limits: RequestLimits;

  /**
   * Whether `count` more sequences may be in flight now, for a call that wants all or none of them.
   * @throws {OverCapacityError} when they may not; observers are told of the refusal.
   */
  checkCapacity(count: number, caller: Caller): void;

  /**
   * Generates text for one request. Aborting `signal` frees its slot within the step.
   * @param caller who asks, for the log and the metrics.
   * @throws {InvalidRequestError} on the first `next()` when the request breaks a rule.
   * @throws {OverCapacityError} on the first `next()` when too many sequences are in flight.
   * @throws {UnavailableError} on the first `next()` while draining.
   */
  generate(request: UncheckedRequest, signal: AbortSignal, caller?: Caller): AsyncIterable<GenerationEvent>;

  /**
   * Token ids of `text`, special tokens included.
   * @throws {InvalidRequestError} when it is too long to be tokenized.
   */
  tokenize(text: string): readonly number[];
}
