/** What the harness and its client processes say to each other, over Node's channel between parent and child. */
import type { Arrival } from "../../engine/arrivals.js";
import type { LoopDelay } from "../../engine/loop-delay.js";
import type { CutText } from "../scenario/passages.js";
import type { Traffic } from "../scenario/scenario.js";
import type { TargetOptions } from "../targets/target.js";

/** Everything that one client process has to do in one phase. Milliseconds count from the start of the phase. */
export interface ClientTask {
  readonly target: TargetOptions;
  readonly traffic: readonly Traffic[];
  readonly words: readonly string[];
  /** Of each traffic; undefined where its prompts are words. */
  readonly texts: readonly (CutText | undefined)[];
  readonly seed: number;
  /** Milliseconds since 1970: the same start for all processes. */
  readonly startAtMs: number;
  readonly warmUpMs: number;
  /** What is measured: [warmUpMs, warmUpMs + measuredMs). No request begins later. */
  readonly measuredMs: number;
  /** A request that takes longer has failed. */
  readonly timeoutMs: number;
  /** This process is number `index` of `count`, and has every `count`-th client, or request of an open loop. */
  readonly part: { readonly index: number; readonly count: number };
}

/** What became of one request. Milliseconds count from the start of the phase. */
export interface RequestRecord {
  /** Index in the task. */
  readonly traffic: number;
  /** When it was to be sent: latency counts from here. */
  readonly dueMs: number;
  readonly endMs: number;
  readonly wantedPromptTokens: number;
  /** By the server's count. */
  readonly promptTokens: number | undefined;
  readonly wantedTokens: number;
  /** Whether the server counted its tokens; else each part of the answer counts as one. */
  readonly isCounted: boolean;
  readonly arrivals: readonly Arrival[];
  /** Undefined: it was answered. */
  readonly errorCode: string | undefined;
  readonly errorMessage: string | undefined;
}

/** Sums since the start of the phase, told twice a second. */
export interface Pulse {
  readonly tokens: number;
  readonly sent: number;
  readonly answered: number;
  readonly failed: number;
}

/** How busy the process was while it measured. */
export interface ClientEffort {
  /** CPU time over elapsed time. Near 1, it is the client that is measured. */
  readonly cpuShare: number;
  readonly loopDelay: LoopDelay | undefined;
}

export type ClientReport =
  | { readonly type: "ready" }
  | { readonly type: "pulse"; readonly pulse: Pulse }
  | { readonly type: "done"; readonly records: readonly RequestRecord[]; readonly effort: ClientEffort }
  | { readonly type: "failed"; readonly message: string };
