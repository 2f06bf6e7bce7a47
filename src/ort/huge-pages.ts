/**
 * Huge pages for memory that is read from end to end on every step: the weights. With pages of 4 KiB the processor looks
 * up an address every 4 KiB of a stream of hundreds of megabytes.
 *
 * Asked for when the memory is in use already (MADV_COLLAPSE, Linux 6.1): an allocation of huge pages can wait for the
 * system to find whole ones, which made a start take twice as long; this happens beside the first requests.
 */
import { readFileSync } from "node:fs";
import { open, readFile, type FileHandle } from "node:fs/promises";
import { promisify } from "node:util";
import type { Pointer } from "./api.js";
import { koffi } from "./ffi.js";

/** Half-open. */
export interface AddressRange {
  readonly start: Pointer;
  readonly end: Pointer;
}

const collapse = 25; // MADV_COLLAPSE
const pageBytes = 4096;
const hugePageBytes = 2 << 20;
const entryBytes = 8; // of /proc/self/pagemap
const isPresent = 0x80; // bit 63, in an entry's last byte

/** What is mapped where, as the system writes it; empty where that is not Linux. Less than a millisecond. */
export function memoryMap(): string {
  try {
    return readFileSync("/proc/self/maps", "utf8");
  } catch {
    return "";
  }
}

/** Private memory of this process without a file behind it. */
export function anonymousMemory(map: string): readonly AddressRange[] {
  return Array.from(map.matchAll(/^([0-9a-f]+)-([0-9a-f]+) rw-p \S+ \S+ 0 *$/gm), ([, start = "0", end = "0"]) => ({
    start: BigInt(`0x${start}`),
    end: BigInt(`0x${end}`),
  }));
}

/** What of `after` was not there before. */
export function newMemory(before: readonly AddressRange[], after: readonly AddressRange[]): AddressRange[] {
  return before.reduce<AddressRange[]>((left, known) => left.flatMap((range) => without(range, known)), [...after]);
}

function without(range: AddressRange, { start, end }: AddressRange): AddressRange[] {
  if (end <= range.start || start >= range.end) return [range];
  const parts = [
    { start: range.start, end: start },
    { start: end, end: range.end },
  ];
  return parts.filter((part) => part.end > part.start);
}

/**
 * Puts what lies in the ranges into huge pages, on a worker thread. Blocks that are not wholly in memory stay as they
 * are: nothing is committed that nobody has written. Where the system has no such call, nothing happens.
 * @param signal Aborted when the ranges are about to be given back.
 * @returns bytes that are in huge pages now.
 */
export async function moveToHugePages(ranges: readonly AddressRange[], signal?: AbortSignal): Promise<number> {
  if ((await hugePageSize()) !== hugePageBytes) return 0; // other page sizes: not what the arithmetic below is for
  await using pages = await open("/proc/self/pagemap");
  const advise = adviser();
  let moved = 0;
  for (const range of ranges) {
    for await (const { start, end } of wholeBlocks(range, pages)) {
      if (signal?.aborted === true) return moved;
      const bytes = Number(end - start);
      if ((await advise(start, bytes, collapse)) === 0) moved += bytes;
    }
  }
  return moved;
}

type Adviser = (start: Pointer, bytes: number, advice: number) => Promise<number>;

/** C's madvise on a worker thread. */
function adviser(): Adviser {
  const call = koffi.load(null).func("madvise", "int", ["void *", "size_t", "int"]);
  return promisify(call.async) as unknown as Adviser; // no type system sees through a C function pointer
}

async function hugePageSize(): Promise<number> {
  return Number(await readFile("/sys/kernel/mm/transparent_hugepage/hpage_pmd_size", "utf8").catch(() => 0));
}

/** Runs of aligned blocks in which every page is in memory. */
async function* wholeBlocks({ start, end }: AddressRange, pages: FileHandle): AsyncGenerator<AddressRange> {
  const block = BigInt(hugePageBytes);
  const aligned = (address: bigint): bigint => (address / block) * block;
  let from: bigint | undefined;
  for (let at = aligned(start + block - 1n); at < aligned(end); at += block) {
    const isWhole = await isInMemory(at, pages);
    if (isWhole) from ??= at;
    if (from === undefined || isWhole) continue;
    yield { start: from, end: at };
    from = undefined;
  }
  if (from !== undefined) yield { start: from, end: aligned(end) };
}

async function isInMemory(block: Pointer, pages: FileHandle): Promise<boolean> {
  const entries = new Uint8Array((hugePageBytes / pageBytes) * entryBytes);
  const offset = Number(block / BigInt(pageBytes)) * entryBytes;
  const { bytesRead } = await pages.read(entries, 0, entries.length, offset);
  if (bytesRead < entries.length) return false;
  for (let last = entryBytes - 1; last < entries.length; last += entryBytes) {
    if (((entries[last] ?? 0) & isPresent) === 0) return false;
  }
  return true;
}
