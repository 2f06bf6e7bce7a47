import { readFileSync } from "node:fs";

/** What a process has used up, and what it holds. */
export interface ProcessUsage {
  /** Of all its threads, since it began. */
  readonly cpuSeconds: number;
  readonly residentBytes: number;
}

/** In which the kernel counts CPU time for programs, on every Linux there is. */
const ticksPerSecond = 100;

/** Undefined where there is no such process, or no /proc. */
export function readProcess(pid: number): ProcessUsage | undefined {
  try {
    return parseProcess(readFileSync(`/proc/${pid}/stat`, "utf8"), readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return undefined;
  }
}

/** `stat` and `status` of proc(5). The second field of `stat` is a name in brackets, which may have spaces. */
export function parseProcess(stat: string, status: string): ProcessUsage {
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" "); // from the third on
  const [userTicks, systemTicks] = [fields[11], fields[12]].map(Number);
  const residentKiB = Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]);
  return {
    cpuSeconds: ((userTicks ?? NaN) + (systemTicks ?? NaN)) / ticksPerSecond,
    residentBytes: 1024 * residentKiB,
  };
}

/** The same as metrics tell it, of a server on another machine. */
export function usageOf(metrics: ReadonlyMap<string, number>): ProcessUsage | undefined {
  const cpuSeconds = metrics.get("process_cpu_seconds_total");
  const residentBytes = metrics.get("process_resident_memory_bytes");
  return cpuSeconds === undefined || residentBytes === undefined ? undefined : { cpuSeconds, residentBytes };
}
