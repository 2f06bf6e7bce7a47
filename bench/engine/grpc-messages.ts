/** What `grpc.ts` and the process of its clients say to each other, over Node's channel between parent and child. */
import type { Arrivals } from "./arrivals.js";

export interface ClientTask {
  readonly prompts: readonly { readonly text: string; readonly tokens: number }[];
  readonly newTokens: number;
}

export type ClientReport =
  | { readonly type: "opened" | "closed" }
  | { readonly type: "done"; readonly arrivals: Arrivals; readonly cpuShare: number }
  | { readonly type: "failed"; readonly message: string };
