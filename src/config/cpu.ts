import { readFileSync } from "node:fs";
import os from "node:os";
import { controlGroups, type ReadText } from "./cgroup.js";

/** What the operating system says; tests say something else. */
export interface Machine {
  /** CPUs that the process may be scheduled on (affinity, cpusets). */
  readonly affinity: number;
  readonly totalMemoryBytes: number;
  readonly readText: ReadText;
}

/**
 * CPUs that this process may use: those of its affinity, or fewer if the container has a CPU quota, rounded up.
 * More threads than that would only take each other's time slices: a quota of 2 CPUs is used up by 8 threads after a
 * quarter of each period, and all of them then stand still for the rest.
 */
export function availableCpus(machine: Machine = thisMachine()): number {
  const quotas = [...quotasVersion2(machine.readText), ...quotasVersion1(machine.readText)];
  return Math.max(1, Math.min(machine.affinity, ...quotas.map(Math.ceil)));
}

/** Bytes of memory that this process may use: the container's limit, or the machine's memory. */
export function memoryLimitBytes(machine: Machine = thisMachine()): number {
  const { readText, totalMemoryBytes } = machine;
  const limits = [
    ...controlGroups("memory", 2, readText).map((folder) => readNumber(readText(`${folder}/memory.max`))),
    ...controlGroups("memory", 1, readText).map((folder) => readNumber(readText(`${folder}/memory.limit_in_bytes`))),
  ];
  return Math.min(totalMemoryBytes, ...limits.filter((limit) => limit !== undefined));
}

/** `cpu.max`: `200000 100000` (microseconds in each period) or `max 100000`. In CPUs. */
function quotasVersion2(readText: ReadText): number[] {
  return controlGroups("cpu", 2, readText).flatMap((folder) => {
    const [quota, period] = (readText(`${folder}/cpu.max`) ?? "").split(" ").map(readNumber);
    return quota === undefined || period === undefined ? [] : [quota / period];
  });
}

/** Two files, in microseconds; a quota of -1 is none. In CPUs. */
function quotasVersion1(readText: ReadText): number[] {
  return controlGroups("cpu", 1, readText).flatMap((folder) => {
    const quota = readNumber(readText(`${folder}/cpu.cfs_quota_us`));
    const period = readNumber(readText(`${folder}/cpu.cfs_period_us`));
    return quota === undefined || period === undefined ? [] : [quota / period];
  });
}

/** A positive number; `max`, `-1`, 0 and a missing file all mean that there is no limit. */
function readNumber(text: string | undefined): number | undefined {
  const value = Number(text?.trim());
  return value > 0 ? value : undefined;
}

function thisMachine(): Machine {
  return { affinity: os.availableParallelism(), totalMemoryBytes: os.totalmem(), readText };
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined; // no such controller, another operating system: no limit
  }
}
