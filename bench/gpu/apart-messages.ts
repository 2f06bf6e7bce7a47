/** What is measured in a process of its own (`apart.ts`), and how that is asked for. */
import { fileURLToPath } from "node:url";
import type { Model } from "../../src/model/index.js";
import type { Bandwidth } from "../roofline/bandwidth.js";
import type { Summary } from "../stats.js";
import type { DecodeRate } from "./decode.js";
import type { DeviceFacts } from "./device.js";
import { runProgram } from "./program.js";
import type { GpuScenario } from "./scenario.js";

interface Common {
  /** Of the server: model, device and the like. */
  readonly args: readonly string[];
  readonly scenario: GpuScenario;
}

export type Task = Common &
  ({ readonly kind: "device" | "bandwidth" | "prefill" } | { readonly kind: "decode"; readonly streams: number });

/** The model that was measured, as it was loaded. */
export interface ModelFacts extends Pick<Model, "dtype" | "kvDtype" | "weightBytes"> {
  readonly slots: number;
}

export interface EngineResult<T> {
  readonly model: ModelFacts;
  readonly figure: T;
}

export interface Results {
  readonly device: DeviceFacts;
  readonly bandwidth: Bandwidth;
  readonly decode: EngineResult<DecodeRate>;
  readonly prefill: EngineResult<Summary>;
}

const program = fileURLToPath(new URL("./apart.js", import.meta.url));

/**
 * @throws {SkippedError} when what is to be measured is not here.
 * @throws {HarnessError} when it fails, with the reason.
 */
export async function measureApart<K extends keyof Results>(
  task: Task & { readonly kind: K },
  signal: AbortSignal,
): Promise<Results[K]> {
  return runProgram<Results[K]>(process.execPath, [program, JSON.stringify(task)], signal);
}
