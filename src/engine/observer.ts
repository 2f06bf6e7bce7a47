/**
 * What the engine tells of its work, to whoever counts and logs it: plain values, times in milliseconds. Observers are
 * called where things happen, in the middle of a step: they must be quick and must not throw.
 */
import type { GenerationRequest, StopReason } from "./request.js";

/** Who asks, for the log and the metrics. The engine acts on nothing of it but `isProbe`. */
export interface Caller {
  /** The server's name for the request. */
  readonly requestId?: string | undefined;
  /** The client's own (`x-correlation-id`). */
  readonly correlationId?: string | undefined;
  /** W3C trace context, as the client sent it. */
  readonly traceparent?: string | undefined;
  /** How the answer is given; absent = single. */
  readonly kind?: "single" | "batch" | "stream" | undefined;
  /** The request's place among those of one call: `index` in [0, size). */
  readonly batch?: { readonly index: number; readonly size: number } | undefined;
  /** The API's call that asks, for observers that know it again. */
  readonly call?: object | undefined;
  /** A health check: it runs like any request, and no observer hears of it. */
  readonly isProbe?: boolean | undefined;
}

export interface RefusedRequest {
  readonly caller: Caller;
  readonly error: unknown;
}

export interface AdmittedRequest {
  readonly caller: Caller;
  readonly promptTokens: number;
  /** As asked or by default, before it was lowered to what fits. */
  readonly askedMaxNewTokens: number;
  /** From the arrival until the request was checked. */
  readonly validationMs: number;
}

/** One run of the model: a chunk of one prompt, several whole prompts, or one token of every running sequence. Sums are over its sequences. */
export interface LaunchedRun {
  readonly method: "prefill" | "decode";
  readonly sequences: number;
  /** Tokens that it runs; holes are none. */
  readonly tokens: number;
  /** Prompt and completion tokens so far. */
  readonly contextTokens: number;
  /** Tokens that may still come. */
  readonly remainingTokens: number;
}

export interface FinishedRun extends Pick<LaunchedRun, "method" | "tokens"> {
  /** From the launch until the result was there. */
  readonly computeMs: number;
  /** From then until the tokens were chosen. */
  readonly evaluateMs: number;
}

export interface FinishedSequence {
  readonly caller: Caller;
  readonly request: GenerationRequest;
  readonly completionTokens: number;
  /** Prompt tokens whose keys and values were in the cache already, of an earlier prompt that began alike. */
  readonly reusedTokens: number;
  readonly reason: StopReason;
  /** Why it failed; with reason `error` only. */
  readonly error?: unknown;
  readonly validationMs: number;
  /** From admission until its first run. */
  readonly queueMs: number;
  /** From its first run to the end; undefined = it never ran. */
  readonly inferenceMs: number | undefined;
  /** From its first run until its first token was chosen; undefined = it has none. */
  readonly prefillMs: number | undefined;
  /** From the arrival to the end. */
  readonly totalMs: number;
  /** Sequences that are left in flight, health checks included. */
  readonly inFlight: number;
}

/** All events, each with what is told of it. Every request is either refused, or admitted and later finished. */
export interface EngineEvents {
  /** The prompt was tokenized; whether it is too long is not yet known. */
  readonly tokenized: { readonly promptTokens: number };
  readonly refused: RefusedRequest;
  readonly admitted: AdmittedRequest;
  /** The first run of a sequence is launched. */
  readonly started: { readonly queueMs: number };
  readonly runLaunched: LaunchedRun;
  readonly runFinished: FinishedRun;
  readonly runFailed: Pick<LaunchedRun, "method">;
  readonly stepFinished: { readonly durationMs: number };
  /** A sequence has its next token, `waitedMs` after the one before, or after its arrival. */
  readonly tokenChosen: { readonly isFirst: boolean; readonly waitedMs: number };
  /** A draft of `drafted` tokens was run, of which the first `accepted` were right. */
  readonly draftVerified: { readonly drafted: number; readonly accepted: number };
  readonly finished: FinishedSequence;
}

/** Hears what it has a function for. */
export type EngineObserver = { readonly [Name in keyof EngineEvents]?: (event: EngineEvents[Name]) => void };

/** One observer that tells all of them, in this order. */
export function observeAll(...observers: readonly EngineObserver[]): EngineObserver {
  const tell =
    <Name extends keyof EngineEvents>(name: Name) =>
    (event: EngineEvents[Name]): void => {
      for (const observer of observers) observer[name]?.(event);
    };
  return {
    tokenized: tell("tokenized"),
    refused: tell("refused"),
    admitted: tell("admitted"),
    started: tell("started"),
    runLaunched: tell("runLaunched"),
    runFinished: tell("runFinished"),
    runFailed: tell("runFailed"),
    stepFinished: tell("stepFinished"),
    tokenChosen: tell("tokenChosen"),
    draftVerified: tell("draftVerified"),
    finished: tell("finished"),
  } satisfies Required<EngineObserver>;
}
