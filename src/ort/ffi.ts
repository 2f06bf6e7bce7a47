/** koffi, set up before any library is loaded. Everything in this folder takes it from here. */
import koffi from "koffi";

// A prefill runs on koffi's own stack: its default for asynchronous calls, 128 KiB, is small for GEMM kernels.
koffi.config({ async_stack_size: 2 << 20, resident_async_pools: 2 });

export { koffi };
export type { LibraryHandle } from "koffi";
