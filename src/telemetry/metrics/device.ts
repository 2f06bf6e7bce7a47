import type { Families } from "./families.js";
import { own } from "./own-definitions.js";

/** One look at a device; what it does not say is undefined. */
export interface DeviceUse {
  readonly memory: { readonly usedBytes: number; readonly totalBytes: number } | undefined;
  /** 0 to 1. */
  readonly busyShare: number | undefined;
}

/** Decodes as CUDA graphs, since their engine was made. */
export interface GraphCounts {
  readonly captures: number;
  readonly replays: number;
}

/** Shows how a device is used, as it is at each scrape. */
export function showDevice(families: Families, read: () => DeviceUse): void {
  families.beforeScrape(() => {
    const { memory, busyShare } = read();
    if (memory !== undefined) {
      families.set(own.deviceMemoryUsed, memory.usedBytes);
      families.set(own.deviceMemorySize, memory.totalBytes);
    }
    if (busyShare !== undefined) families.set(own.deviceBusy, busyShare);
  });
}

const graphCounters = { captures: own.graphCaptures, replays: own.graphReplays } as const;

/** Counts decodes as CUDA graphs, over all engines that `read` is about one after the other. */
export function countGraphs(families: Families, read: () => GraphCounts | undefined): void {
  let before: GraphCounts = { captures: 0, replays: 0 };
  const count = (name: keyof GraphCounts, now: GraphCounts, begunAnew: boolean): void => {
    const grown = now[name] - (begunAnew ? 0 : before[name]);
    if (grown > 0) families.count(graphCounters[name], grown);
  };
  families.beforeScrape(() => {
    const now = read();
    if (now === undefined) return;
    const begunAnew = now.captures < before.captures || now.replays < before.replays; // by the engine of another model
    count("captures", now, begunAnew);
    count("replays", now, begunAnew);
    before = { ...now };
  });
}
