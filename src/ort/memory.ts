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
