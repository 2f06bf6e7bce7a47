import { readFileSync } from "node:fs";
import { koffi } from "./ffi.js";
import type { Pointer } from "./api.js";
import { inTurn } from "./turns.js";

const dropPages = 4; // MADV_DONTNEED: the pages come back from the file when they are read again

/**
 * Gives back the memory of pages of `files` that this process has mapped and read. ONNX Runtime maps a checkpoint to
 * prepack its weights; what stays mapped (an embedding table, of which a step reads a few rows) would count as
 * resident for good. The mappings are private and never written to, so nothing is lost.
 *
 * It waits until no session is being made: one that is unmaps files on its thread, and the heap may take their place
 * between our look at the addresses and the call that empties them.
 *
 * Linux only; elsewhere, or where it is not allowed, nothing happens.
 * @param files absolute paths, symbolic links resolved.
 * @returns bytes of address space whose pages were dropped.
 */
export function dropMappedPages(files: ReadonlySet<string>): Promise<number> {
  return inTurn(() => (process.platform === "linux" ? dropPagesOf(files) : 0));
}

function dropPagesOf(files: ReadonlySet<string>): number {
  const advise = koffi.load(null).func("madvise", "int", ["void *", "size_t", "int"]) as unknown as (
    start: Pointer,
    bytes: number,
    advice: number,
  ) => number;
  let dropped = 0;
  for (const { start, bytes, file } of mappings()) {
    if (files.has(file) && advise(start, bytes, dropPages) === 0) dropped += bytes;
  }
  return dropped;
}

/** The file mappings of this process, from /proc/self/maps. */
function mappings(): { readonly start: Pointer; readonly bytes: number; readonly file: string }[] {
  const lines = readFileSync("/proc/self/maps", "utf8").split("\n");
  return lines.flatMap((line) => {
    const [, from, to, file] = /^([0-9a-f]+)-([0-9a-f]+) (?:\S+ +){4}(\/.*)$/.exec(line) ?? [];
    if (from === undefined || to === undefined || file === undefined) return [];
    const start = BigInt(`0x${from}`);
    return [{ start, bytes: Number(BigInt(`0x${to}`) - start), file }];
  });
}
