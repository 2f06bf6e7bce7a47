import type { ConfigurationError } from "../../errors.js";
import { OrtCallError } from "../errors.js";
import { cudaError, type CudaProblem } from "./problems.js";

/** How CUDA, and ONNX Runtime's arena above it, say that there is no memory left. */
const noMemory = /out of memory|Failed to allocate memory|smaller than requested bytes/i;

export function isOutOfMemory(error: unknown): error is OrtCallError {
  return error instanceof OrtCallError && noMemory.test(error.message);
}

/** What the arena was asked for: `Failed to allocate memory for requested buffer of size 1073741824`. */
const requestedBytes = /requested buffer of size (\d+)|requested bytes of (\d+)/;

/** An allocation that failed as a fact for the operator; what was asked for is read from the message if not given. */
export function outOfMemory(
  error: OrtCallError,
  facts: Omit<Extract<CudaProblem, { kind: "out-of-memory" }>, "kind" | "bytes"> & { readonly bytes?: number },
): ConfigurationError {
  const [, size, requested] = requestedBytes.exec(error.message) ?? [];
  const asked = size ?? requested;
  const bytes = facts.bytes ?? (asked === undefined ? undefined : Number(asked));
  return cudaError({ kind: "out-of-memory", ...facts, bytes }, error);
}
