import type {
  AdmissionEvent,
  CallKind,
  EndEvent,
  EndReason,
  EventCaller,
  LaunchEvent,
  RefusalEvent,
  RunEvent,
  RunMethod,
} from "../engine-events.js";
import type { Families } from "./families.js";
import { tgis } from "./tgis-definitions.js";

const stopReasons = {
  eos: "EOS_TOKEN",
  "max-tokens": "MAX_TOKENS",
  "token-limit": "TOKEN_LIMIT",
  "stop-sequence": "STOP_SEQUENCE",
  "time-limit": "TIME_LIMIT",
  cancelled: "CANCELLED",
  error: "ERROR",
} as const satisfies Record<EndReason, string>;

const methods = { prefill: "prefill", decode: "next_token" } as const satisfies Record<RunMethod, string>;
const makeup = "single_only";

/** What TGIS calls an error, by its kind. */
const failures: Readonly<Record<string, string>> = {
  "over-capacity": "conc_limit",
  "invalid-input": "validation",
  internal: "generate",
  cancelled: "cancelled",
  deadline: "timeout",
};

/**
 * Counts as TGIS does (names and labels in `tgis-definitions.ts`).
 * @param waiting how many sequences wait for a slot.
 */
export function tgisObserver(families: Families, waiting: () => number) {
  let hasQueued = false;
  families.beforeScrape(() => {
    if (hasQueued) families.set(tgis.queueSize, waiting());
  });
  return {
    tokenized: ({ promptTokens }: { readonly promptTokens: number }) =>
      families.observe(tgis.rawInputLength, promptTokens),
    refused: ({ caller, error }: RefusalEvent) => {
      countArrival(families, caller);
      families.count(tgis.failures, 1, { err: failureOf(error) });
    },
    admitted: ({ caller, promptTokens, askedMaxNewTokens, validationMs }: AdmissionEvent) => {
      hasQueued = true;
      countArrival(families, caller);
      families.observe(tgis.maxNewTokens, askedMaxNewTokens);
      families.observe(tgis.inputLength, promptTokens);
      families.observe(tgis.validationDuration, validationMs / 1000);
    },
    started: ({ queueMs }: { readonly queueMs: number }) => families.observe(tgis.queueDuration, queueMs / 1000),
    runLaunched: (run: LaunchEvent) => countLaunch(families, run),
    runFinished: (run: RunEvent) => countRun(families, run),
    runFailed: ({ method }: { readonly method: RunMethod }) =>
      families.count(tgis.runFailures, 1, { method: methods[method], reason: "error" }),
    finished: (end: EndEvent) => {
      if (end.inFlight === 0) setBatch(families, 0, 0, 0);
      if (end.reason === "error") families.count(tgis.failures, 1, { err: failureOf(end.error) });
      else if (end.reason === "cancelled") families.count(tgis.failures, 1, { err: "cancelled" });
      else countAnswer(families, end);
    },
  };
}

/** The batch counts once, and each of its inputs. */
function countArrival(families: Families, caller: EventCaller): void {
  const isFirst = caller.batch === undefined || caller.batch.index === 0;
  if (isFirst) families.count(tgis.requests, 1, { kind: kindOf(caller) });
  families.count(tgis.inputs, 1);
}

function countLaunch(families: Families, run: LaunchEvent): void {
  const method = methods[run.method];
  families.count(tgis.runs, 1, { method });
  families.observe(tgis.runBatchSize, run.sequences, { method });
  if (run.method === "prefill") families.observe(tgis.prefillTokens, run.tokens);
  else setBatch(families, run.sequences, run.contextTokens, run.remainingTokens);
}

function setBatch(families: Families, size: number, tokens: number, remainingTokens: number): void {
  families.set(tgis.batchSize, size);
  families.set(tgis.batchTokens, tokens);
  families.set(tgis.batchRemainingTokens, remainingTokens);
}

function countRun(families: Families, { method: runMethod, computeMs, evaluateMs }: RunEvent): void {
  const method = methods[runMethod];
  families.count(tgis.runSuccesses, 1, { method });
  families.observe(tgis.runDuration, (computeMs + evaluateMs) / 1000, { method, makeup });
  families.observe(tgis.forwardDuration, computeMs / 1000, { method, makeup });
  families.observe(tgis.tokenDuration, evaluateMs / 1000, { method, makeup });
}

function countAnswer(families: Families, end: EndEvent): void {
  const { caller, request, completionTokens, reason, inferenceMs, totalMs } = end;
  families.count(tgis.successes, 1, { stop_reason: stopReasons[reason], kind: kindOf(caller) });
  families.observe(tgis.generatedTokens, completionTokens);
  families.observe(tgis.totalTokens, request.promptTokenIds.length + completionTokens);
  families.observe(tgis.duration, totalMs / 1000);
  if (inferenceMs === undefined) {
    families.count(tgis.failures, 1, { err: "timeout" }); // its time was over in the queue: TGIS counts it as both
    return;
  }
  families.observe(tgis.inferenceDuration, inferenceMs / 1000);
  if (completionTokens > 0) families.observe(tgis.meanTimePerToken, inferenceMs / 1000 / completionTokens);
}

function kindOf({ kind = "single" }: EventCaller): CallKind {
  return kind;
}

function failureOf(error: unknown): string {
  const kind = typeof error === "object" && error !== null && "kind" in error ? String(error.kind) : "";
  return failures[kind] ?? "unknown";
}
