import { readFileSync } from "node:fs";

/** What the system says of the processor; tests say something else. */
export interface Processor {
  /** As Node calls it: x64, arm64. */
  readonly architecture: string;
  /** /proc/cpuinfo; undefined where there is none. */
  readonly cpuInfo: string | undefined;
}

/**
 * Whether products of uint8 and int8 are added up without loss. On x86 without VNNI the only instruction for them adds
 * pairs in 16 bits, which overflow to the nearest number that fits. Where it cannot be known, it is not assumed.
 */
export function hasExactInt8Products({ architecture, cpuInfo }: Processor = thisProcessor()): boolean {
  if (architecture !== "x64") return true;
  const flags = /^flags\s*:(.*)$/m.exec(cpuInfo ?? "")?.[1]?.split(" ") ?? [];
  return flags.includes("avx512_vnni") || flags.includes("avx_vnni");
}

function thisProcessor(): Processor {
  return { architecture: process.arch, cpuInfo: readText("/proc/cpuinfo") };
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined; // another operating system
  }
}
