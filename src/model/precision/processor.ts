import { readFileSync } from "node:fs";

/** What the system says of the processor; tests say something else. */
export interface Processor {
  /** As Node calls it: x64, arm64. */
  readonly architecture: string;
  /** /proc/cpuinfo; undefined where there is none. */
  readonly cpuInfo: string | undefined;
  /** Of the second level of one core's cache, as Linux writes it: `1024K`. */
  readonly cacheSize?: string | undefined;
}

/**
 * The instructions that ONNX Runtime has kernels of their own for (MLAS, `platform.cpp`), by Linux's names.
 */
const kernelFlags: ReadonlySet<string> = new Set([
  ...["sse4_1", "avx", "avx2", "fma", "f16c", "avx512f", "avx512bw", "avx512dq", "avx512vl", "avx512_vnni"],
  ...["avx512_bf16", "avx512_fp16", "avx_vnni", "avx_vnni_int8", "amx_tile", "amx_int8", "amx_bf16"],
  ...["asimd", "asimdhp", "asimddp", "i8mm", "bf16", "sve", "sve2", "sme", "sme2"],
]);

/**
 * Whether products of uint8 and int8 are added up without loss. On x86 without VNNI the only instruction for them adds
 * pairs in 16 bits, which overflow to the nearest number that fits. Where it cannot be known, it is not assumed.
 */
export function hasExactInt8Products({ architecture, cpuInfo }: Processor = thisProcessor()): boolean {
  if (architecture !== "x64") return true;
  const flags = flagsOf(cpuInfo);
  return flags.includes("avx512_vnni") || flags.includes("avx_vnni");
}

/**
 * What of a processor decides the order in which its kernels add up: instructions, in a fixed order, and the cache that
 * flash attention cuts the KV cache by.
 */
export function computingTraits({ architecture, cpuInfo, cacheSize = "" }: Processor): string[] {
  const flags = flagsOf(cpuInfo).filter((flag) => kernelFlags.has(flag));
  return [architecture, ...[...new Set(flags)].sort(), cacheSize.trim()];
}

/** x86 calls them flags, ARM features. */
function flagsOf(cpuInfo = ""): string[] {
  return /^(?:flags|Features)\s*:(.*)$/m.exec(cpuInfo)?.[1]?.trim().split(/\s+/) ?? [];
}

export function thisProcessor(): Processor {
  return {
    architecture: process.arch,
    cpuInfo: readText("/proc/cpuinfo"),
    cacheSize: readText("/sys/devices/system/cpu/cpu0/cache/index2/size"),
  };
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined; // another operating system
  }
}
