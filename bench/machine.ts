import { readdirSync, readFileSync } from "node:fs";
import os from "node:os";
import { availableCpus } from "../src/config/cpu.js";

/** What a figure depends on and does not say. */
export interface MachineFacts {
  readonly cpu: string;
  /** That this process may use. */
  readonly cores: number;
  /** Of the first core, as the kernel writes it (`2048K`); undefined where it does not say. */
  readonly l2Cache: string | undefined;
  readonly memoryBytes: number;
  readonly node: string;
  readonly ort: string;
  /** ISO 8601, UTC. */
  readonly date: string;
  /** Processes that wanted to run, on average over the minute before the start: what else was going on. */
  readonly loadAverage: number;
}

export function describeMachine(ortVersion: string): MachineFacts {
  return {
    cpu: os.cpus()[0]?.model ?? "unknown",
    cores: availableCpus(),
    l2Cache: l2Cache(),
    memoryBytes: os.totalmem(),
    node: process.version,
    ort: ortVersion,
    date: new Date().toISOString(),
    loadAverage: os.loadavg()[0] ?? 0,
  };
}

function l2Cache(folder = "/sys/devices/system/cpu/cpu0/cache"): string | undefined {
  try {
    const read = (index: string, name: string): string => readFileSync(`${folder}/${index}/${name}`, "utf8").trim();
    const index = readdirSync(folder).find((name) => name.startsWith("index") && read(name, "level") === "2");
    return index === undefined ? undefined : read(index, "size");
  } catch {
    return undefined; // not Linux, or hidden by the container
  }
}
