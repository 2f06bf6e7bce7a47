import type { Pointer } from "./api.js";
import { koffi } from "./ffi.js";

/** The C library, which every process has loaded. Held: koffi unloads a library whose handle is collected. */
const library = koffi.load(process.platform === "win32" ? "msvcrt.dll" : null);

/** C's memmove. The caller vouches for both ranges. */
export const moveMemory = library.func("memmove", "void *", ["void *", "void *", "size_t"]) as unknown as (
  target: Pointer,
  source: Pointer,
  bytes: number,
) => Pointer;

/**
 * Gives memory that was freed back to the system. glibc keeps it for later allocations: after a start that made and
 * dropped a second session, as much as the weights. Nothing happens where the C library does it by itself.
 */
export function releaseFreedMemory(): void {
  if (process.platform !== "linux") return;
  try {
    (library.func("malloc_trim", "int", ["size_t"]) as unknown as (padding: number) => number)(0);
  } catch {
    // another C library than glibc: it has no such function
  }
}
