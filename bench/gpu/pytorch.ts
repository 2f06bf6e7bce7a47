/** PyTorch on the same device, where a Python with torch is there. */
import path from "node:path";
import { runProgram } from "./program.js";
import type { GpuScenario } from "./scenario.js";

export interface PyTorchRate {
  /** Its release, and how it ran. */
  readonly version: string;
  readonly streams: number;
  readonly stepMs: number;
}

const program = path.join("bench", "gpu", "pytorch.py");

export interface PyTorchOptions {
  /** The interpreter. */
  readonly python: string;
  /** As PyTorch names it: `cpu`, `cuda` or `cuda:N`. */
  readonly device: string;
  readonly signal: AbortSignal;
}

/**
 * In a process for each number of streams, which PyTorch compiles for.
 * @throws {SkippedError} when there is no Python, no torch, or no device for it.
 * @throws {HarnessError} when it fails.
 */
export async function measurePyTorch(
  { checkpoint, contextTokens, steps }: Pick<GpuScenario, "checkpoint" | "contextTokens" | "steps">,
  streams: number,
  { python, device, signal }: PyTorchOptions,
): Promise<PyTorchRate> {
  const task = JSON.stringify({ device, sizes: checkpoint.sizes, streams, contextTokens, steps });
  return { ...(await runProgram<Omit<PyTorchRate, "streams">>(python, [program, task], signal)), streams };
}
